import { Badge } from '@mantine/core'
import { outcomes } from './series.ts'

const colours: Readonly<Record<string, string>> = {
  ...{ active: 'teal', delivered: 'teal', completed: 'teal', accepted: 'teal', allow: 'teal' },
  ...{ pending: 'blue', running: 'blue', invited: 'blue' },
  ...{ expired: 'orange', disabled: 'orange', suspended: 'orange', cancelled: 'gray', inactive: 'gray' },
  ...{ revoked: 'red', failed: 'red', rejected: 'red', deny: 'red' },
}

/** The state of something. Never by colour alone: the word is there. */
export const Status = ({ of }: { of: string }) => (
  <Badge color={colours[of] ?? 'gray'} style={whole}>
    {of}
  </Badge>
)

/** In a narrow cell too: half a word says nothing. */
const whole = { flexShrink: 0, minWidth: 'max-content' } as const

/** An HTTP status as it was answered. */
export function StatusCode({ status }: { status: number }) {
  const colour =
    status >= 500
      ? outcomes.errors.color
      : status === 429
        ? outcomes.limited.color
        : status >= 400
          ? outcomes.denied.color
          : outcomes.allowed.color
  return (
    <Badge color={colour} className="numbers" style={whole}>
      {status === 0 ? '…' : status}
    </Badge>
  )
}

export const Environment = ({ name }: { name: string | null }) =>
  name === null ? null : (
    <Badge variant="default" fw={500} style={{ flexShrink: 0 }} maw={120} title={name}>
      {name}
    </Badge>
  )
