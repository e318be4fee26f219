import { Autocomplete, Button, Collapse, Group, SegmentedControl, Stack, Text, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { ApiError } from '../../api/client.ts'
import { fieldProblem } from '../../api/field-problem.ts'
import { useSettings } from '../../api/session.tsx'
import { useDraft } from '../../components/use-draft.ts'
import { CallerFields } from './caller-fields.tsx'
import { holdsSecret, isAsKey, type Question } from './question.ts'

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

/** A request that nobody sends, and who would send it. */
export function QuestionForm({
  question,
  error,
  busy,
  onAsk,
}: {
  question: Question
  error: ApiError | null
  busy: boolean
  onAsk: (question: Question) => void
}) {
  const [draft, setDraft] = useDraft(question)
  const [complaint, setComplaint] = useState<{ path?: string; key?: string }>({})
  const [more, setMore] = useState(question.ip !== '' || question.host !== '')
  const prefix = useSettings().data?.key_prefix.split('_')[0] ?? 'sk'
  const set = (change: Partial<Question>): void => setDraft((before) => ({ ...before, ...change }))

  const submit = (event: FormEvent): void => {
    event.preventDefault()
    const path = draft.path.trim()
    const found = {
      ...(path === '' && { path: 'Which path?' }),
      ...(holdsSecret(path, prefix) && {
        path: 'This looks like it holds a real key. Put another value in its place, for example sk_test_key.',
      }),
      ...(isAsKey(draft) && draft.key === '' && { key: 'Choose a key, or make one up.' }),
    }
    setComplaint(found)
    if (Object.keys(found).length === 0) onAsk({ ...draft, path, method: draft.method || 'GET' })
  }

  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        <Group gap="xs" align="flex-start" wrap="nowrap">
          <Autocomplete
            label="Method"
            data={methods}
            value={draft.method || 'GET'}
            onChange={(method) => set({ method: method.toUpperCase() })}
            error={fieldProblem(error, 'method')}
            filter={({ options }) => options}
            w={100}
            style={{ flexShrink: 0 }}
          />
          <TextInput
            label="Path and query"
            placeholder="/api/v1/projects/42"
            value={draft.path}
            onChange={(event) => set({ path: event.currentTarget.value })}
            error={complaint.path ?? fieldProblem(error, 'path')}
            autoComplete="off"
            spellCheck={false}
            maxLength={4000}
            classNames={{ input: 'mono' }}
            flex={1}
          />
        </Group>
        <div>
          <Text size="sm" fw={500} mb={4} id="who-calls">
            Who calls
          </Text>
          <SegmentedControl
            aria-labelledby="who-calls"
            fullWidth
            data={[
              { value: 'scopes', label: 'A key made up' },
              { value: 'key', label: 'A real key' },
            ]}
            value={isAsKey(draft) ? 'key' : 'scopes'}
            onChange={(as) => set({ as })}
          />
        </div>
        <CallerFields
          question={draft}
          onChange={set}
          error={error}
          keyComplaint={draft.key === '' ? complaint.key : undefined}
        />
        <div>
          <Button
            variant="subtle"
            size="compact-sm"
            ml={-8}
            onClick={() => setMore(!more)}
            aria-expanded={more}
            aria-controls="more-of-the-request"
          >
            {more ? 'Less' : 'Address and host'}
          </Button>
          <Collapse expanded={more} id="more-of-the-request">
            <Group gap="xs" grow align="flex-start" mt="xs">
              <TextInput
                label="From address"
                placeholder="127.0.0.1"
                value={draft.ip}
                onChange={(event) => set({ ip: event.currentTarget.value.trim() })}
                error={fieldProblem(error, 'ip')}
                maxLength={60}
              />
              <TextInput
                label="Host header"
                placeholder="any"
                value={draft.host}
                onChange={(event) => set({ host: event.currentTarget.value.trim() })}
                error={fieldProblem(error, 'host')}
                maxLength={300}
              />
            </Group>
          </Collapse>
        </div>
        <Group justify="flex-end">
          <Button type="submit" loading={busy}>
            Explain
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
