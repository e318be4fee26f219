import { Grid, Skeleton, Stack } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { ApiError, api, ok } from '../api/client.ts'
import { useMe } from '../api/session.tsx'
import { Card } from '../components/card.tsx'
import { Empty } from '../components/empty.tsx'
import { ErrorNote } from '../components/error-note.tsx'
import { Page } from '../components/page.tsx'
import { useQueryState } from '../components/use-query-state.ts'
import { Answer } from './explain/answer.tsx'
import { bodyOf, questionNames } from './explain/question.ts'
import { QuestionForm } from './explain/question-form.tsx'
import NotFoundPage from './not-found.tsx'

/** Why a request would pass or not, without sending it. */
export default function ExplainPage() {
  const me = useMe()
  const [question, change] = useQueryState(questionNames)
  const body = bodyOf(question)
  const { data, error, isFetching, isPlaceholderData, refetch } = useQuery({
    queryKey: ['explain', body],
    queryFn: ({ signal }) => {
      if (body === undefined) throw new Error('nothing is asked')
      return ok(api.POST('/platform/policy/explain', { body, signal }))
    },
    enabled: me.is_root && body !== undefined,
    // Limits and keys change by the second: an answer is for now.
    staleTime: 0,
    gcTime: 0,
    refetchOnWindowFocus: false,
    placeholderData: (before) => before,
  })
  if (!me.is_root) return <NotFoundPage />
  const problem = error instanceof ApiError ? error : null
  return (
    <Page
      title="Explain"
      about="Describe a request, and see what the gateway would do with it, step by step. Nothing is sent."
    >
      <Grid>
        <Grid.Col span={{ base: 12, md: 5 }}>
          <Card title="The request">
            <QuestionForm
              question={question}
              error={problem}
              busy={isFetching}
              onAsk={(asked) => {
                change(asked)
                // The same once more: limits may have room again.
                if (JSON.stringify(bodyOf(asked)) === JSON.stringify(body)) void refetch()
              }}
            />
          </Card>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 7 }}>
          {error !== null ? (
            <ErrorNote error={error} {...(problem?.status !== 422 && { retry: () => void refetch() })} />
          ) : body === undefined ? (
            <Card>
              <Empty
                icon="explain"
                title="Nothing asked yet"
                code="sallyport explain --method GET --path /api/v1/projects/42 --scopes projects:read"
              >
                You get the decision, the route with its rule, and for a refusal what would make it pass. The command
                line answers the same:
              </Empty>
            </Card>
          ) : data === undefined ? (
            <Stack aria-busy="true">
              <Skeleton h={80} />
              <Skeleton h={110} />
              <Skeleton h={420} />
            </Stack>
          ) : (
            <Answer explanation={data} question={question} isOld={isPlaceholderData} onTry={change} />
          )}
        </Grid.Col>
      </Grid>
    </Page>
  )
}
