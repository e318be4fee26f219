import { Alert, Anchor, Button, Group, Stack, Text } from '@mantine/core'
import { Link } from 'wouter'
import type { Schema } from '../../api/client.ts'
import { Card } from '../../components/card.tsx'
import { DecisionPath, type DecisionStep } from '../../components/decision-path.tsx'
import { Icon } from '../../components/icon.tsx'
import { useKey } from '../key/use-key.ts'
import { flagsOf, limitsOf, WhoMay } from '../policy/rule.tsx'
import { type Rule, ruleFor, usePolicy } from '../policy/use-policy.ts'
import { isAsKey, type Question } from './question.ts'
import { waysThrough } from './ways-through.ts'

type Explanation = Schema<'PolicyExplanation'>

/** What would come of it, why, and what would make it pass. */
export function Answer({
  explanation,
  question,
  isOld,
  onTry,
}: {
  explanation: Explanation
  question: Question
  /** Another one is on its way. */
  isOld: boolean
  onTry: (change: Partial<Question>) => void
}) {
  const { decision, code, status, route } = explanation
  const policy = usePolicy().data
  const asKey = isAsKey(question)
  const key = useKey(asKey ? question.org : '', asKey ? question.key : '').data?.key
  const rule = ruleFor(policy, route, question.method || 'GET')
  const ways = waysThrough(explanation, question, { policy, rule, key })
  const isAllowed = decision === 'allow'
  return (
    <Stack style={{ opacity: isOld ? 0.6 : 1 }} aria-busy={isOld}>
      <Alert
        role="status"
        color={isAllowed ? 'teal' : 'red'}
        icon={<Icon name={isAllowed ? 'check' : 'cross'} />}
        title={isAllowed ? 'It would pass' : `It would be refused: ${status} ${code}`}
      >
        <Text size="sm">
          <span className="mono" style={{ overflowWrap: 'anywhere' }}>
            {question.method || 'GET'} {question.path}
          </span>
          {key !== undefined && <> as {key.name}</>}
        </Text>
        {(ways.length > 0 || (key !== undefined && !isAllowed)) && (
          <Group gap="xs" mt="sm" role="group" aria-label="What would make it pass">
            {ways.map(({ label, change }) => (
              <Button
                key={label}
                size="xs"
                variant="default"
                onClick={() => onTry(change)}
                leftSection={<Icon name="play" size={14} />}
              >
                {label}
              </Button>
            ))}
            {key !== undefined && !isAllowed && (
              <Button
                component={Link}
                href={`/o/${key.organization_id}/keys/${key.id}`}
                size="xs"
                variant="default"
                leftSection={<Icon name="key" size={14} />}
              >
                To the key
              </Button>
            )}
          </Group>
        )}
      </Alert>
      <RouteCard route={route} rule={rule} />
      <Card
        title="The decision, step by step"
        about="The same steps in the same order as for a real request. Nothing is sent, and no limit is charged."
      >
        <DecisionPath steps={stepsOf(explanation, rule)} code={code} />
      </Card>
    </Stack>
  )
}

/** The steps of the answer, with the route where it was found, and with how it ends. */
function stepsOf({ steps, route, decision }: Explanation, rule: Rule | undefined): DecisionStep[] {
  const path: DecisionStep[] = steps.map(({ step, result, detail }) => {
    const wouldRefuse = result === 'pass' && detail.startsWith('would be refused')
    return { step, result: wouldRefuse ? 'shadow' : result, detail: sentence(detail) }
  })
  if (route !== null && !path.some(({ step }) => step === 'route')) {
    path.splice(3, 0, { step: 'route', result: 'pass', detail: route })
  }
  if (decision === 'deny')
    return [...path, { step: 'forward', result: 'skipped', detail: 'Not asked: the request was refused before' }]
  if (rule === undefined)
    return [...path, { step: 'answer', result: 'pass', detail: 'The gateway answers this itself' }]
  return [...path, { step: 'forward', result: 'pass', detail: `To ${rule.upstream ?? 'the API'}` }]
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`

function RouteCard({ route, rule }: { route: string | null; rule: Rule | undefined }) {
  if (route === null) return null
  return (
    <Card
      title="The route"
      actions={
        <Anchor component={Link} href={`/policy?${new URLSearchParams({ q: route })}`} size="sm">
          In the policy
        </Anchor>
      }
    >
      <Stack gap={6}>
        <Text className="mono" style={{ overflowWrap: 'anywhere' }}>
          {rule?.methods?.join(', ') ?? ''} {route}
        </Text>
        {rule === undefined ? (
          <Text size="sm" className="quiet">
            No rule of the policy takes this method here, or the gateway answers it itself.
          </Text>
        ) : (
          <>
            <Group gap="xs">
              <Text size="sm" className="quiet">
                May pass:
              </Text>
              <WhoMay rule={rule} />
            </Group>
            <Text size="sm" className="quiet">
              {[
                rule.workspace === null ? '' : `workspace ${rule.workspace}`,
                limitsOf(rule) === '' ? 'no limits' : `limits ${limitsOf(rule)}`,
                rule.upstream === null ? '' : `to ${rule.upstream}`,
                ...flagsOf(rule),
              ]
                .filter((part) => part !== '')
                .join(' · ')}
            </Text>
          </>
        )}
      </Stack>
    </Card>
  )
}
