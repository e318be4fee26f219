import { Badge, Group, Text } from '@mantine/core'
import type { Rule } from './use-policy.ts'

/** Who may pass a route, in one line. */
export function WhoMay({ rule }: { rule: Rule }) {
  if (rule.deny) return <Badge color="red">no key</Badge>
  if (rule.public) return <Badge color="gray">everybody</Badge>
  const { scopes, any_scope: any } = rule
  if (scopes.length + any.length === 0) return <Badge color="teal">any valid key</Badge>
  return (
    <Group gap={4}>
      {scopes.map((scope) => (
        <ScopeBadge key={scope} scope={scope} />
      ))}
      {any.length > 0 && (
        <Text size="xs" className="quiet" span>
          {scopes.length > 0 ? 'and one of' : 'one of'}
        </Text>
      )}
      {any.map((scope) => (
        <ScopeBadge key={scope} scope={scope} />
      ))}
    </Group>
  )
}

const ScopeBadge = ({ scope }: { scope: string }) => (
  <Badge color="harbour" tt="none" className="mono" maw={260}>
    {scope}
  </Badge>
)

/** What else there is to a route. */
export const flagsOf = (rule: Rule): string[] => [
  ...(rule.shadow ? ['shadow'] : []),
  ...(rule.strip_prefix === null ? [] : [`strips ${rule.strip_prefix}`]),
  ...(rule.rewrite === null ? [] : [`rewritten to ${rule.rewrite}`]),
  ...(rule.body_limit === null ? [] : [`body up to ${bytes(rule.body_limit)}`]),
  ...(rule.forward_authorization ? ['the key goes on to the API'] : []),
]

/** Limits with what a request takes from each. */
export const limitsOf = ({ limits, cost }: Rule): string =>
  limits.length === 0 ? '' : `${limits.join(', ')}${cost === 1 ? '' : ` × ${cost}`}`

const bytes = (amount: number | string): string =>
  typeof amount === 'string' ? amount : amount >= 1024 * 1024 ? `${amount / 1024 / 1024} MB` : `${amount / 1024} kB`
