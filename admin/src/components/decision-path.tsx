import { Text, VisuallyHidden } from '@mantine/core'
import type { ReactNode } from 'react'
import { Icon, type IconName } from './icon.tsx'
import { RefusalNote } from './refusal-note.tsx'

export interface DecisionStep {
  /** As the gateway calls it. */
  readonly step: string
  /** `shadow`: would have refused, had the route not been in shadow mode. */
  readonly result: 'pass' | 'deny' | 'shadow' | 'skipped'
  readonly detail?: ReactNode
}

const names: Readonly<Record<string, string>> = {
  framing: 'Framing',
  target: 'Path',
  query_tokens: 'No credential in the URL',
  route: 'Route',
  authenticate: 'Key',
  organization: 'Organization',
  ip_access: 'Address',
  scopes: 'Scopes',
  workspace: 'Workspace',
  body: 'Body',
  rewrite: 'Rewrite',
  rate_limits: 'Limits',
  context: 'Signed context',
  audit: 'Request log',
  forward: 'Forward to the API',
  answer: 'Answer of the gateway',
}

/** What the gateway decided, step by step, from top to bottom; the step that refused says what that means. */
export function DecisionPath({ steps, code }: { steps: readonly DecisionStep[]; code: string | null }) {
  return (
    <ol aria-label="The decision, step by step" style={{ listStyle: 'none', margin: 0, padding: 0 }}>
      {steps.map(({ step, result, detail }, index) => (
        <li key={step} style={{ display: 'flex', gap: 12 }} data-step={step} data-result={result}>
          <Rail result={result} isLast={index === steps.length - 1} />
          <div style={{ minWidth: 0, flex: 1, paddingBottom: 14 }}>
            <Text
              size="sm"
              lh="22px"
              fw={result === 'deny' ? 600 : 500}
              c={result === 'skipped' ? 'var(--quiet)' : undefined}
            >
              {names[step] ?? step}
              <VisuallyHidden>{`: ${words[result]}`}</VisuallyHidden>
            </Text>
            {detail !== undefined && detail !== '' && (
              <Text
                size="xs"
                c={
                  result === 'deny'
                    ? 'var(--mantine-color-error)'
                    : result === 'shadow'
                      ? 'var(--warn)'
                      : 'var(--quiet)'
                }
                style={{ overflowWrap: 'anywhere' }}
              >
                {detail}
              </Text>
            )}
            {result === 'deny' && code !== null && <RefusalNote code={code} />}
          </div>
        </li>
      ))}
    </ol>
  )
}

type Result = DecisionStep['result']

const words: Readonly<Record<Result, string>> = {
  ...{ pass: 'passed', deny: 'refused here', shadow: 'would have refused', skipped: 'not asked' },
}

const marks: Readonly<Record<Result, { icon: IconName; background: string; colour: string; line: string }>> = {
  pass: { icon: 'check', background: 'var(--mantine-color-teal-light)', colour: 'var(--good)', line: 'transparent' },
  deny: { icon: 'cross', background: 'var(--mantine-color-red-filled)', colour: 'white', line: 'transparent' },
  shadow: {
    ...{ icon: 'warning', background: 'var(--mantine-color-yellow-light)', colour: 'var(--warn)', line: 'transparent' },
  },
  skipped: { icon: 'more', background: 'transparent', colour: 'var(--quiet)', line: 'var(--line)' },
}

/** A mark, and the line to the next one. */
function Rail({ result, isLast }: { result: Result; isLast: boolean }) {
  const { icon, background, colour, line } = marks[result]
  return (
    <span aria-hidden style={{ display: 'flex', flexDirection: 'column', alignItems: 'center', flex: '0 0 22px' }}>
      <span style={{ ...mark, background, color: colour, borderColor: line }}>
        <Icon name={icon} size={14} />
      </span>
      {!isLast && <span style={{ flex: 1, width: 2, minHeight: 8, margin: '2px 0', background: 'var(--line)' }} />}
    </span>
  )
}

const mark = {
  ...{ display: 'inline-flex', alignItems: 'center', justifyContent: 'center', flexShrink: 0 },
  ...{ width: 22, height: 22, borderRadius: 11, borderWidth: 1, borderStyle: 'solid' },
} as const
