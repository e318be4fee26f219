import { Alert, List, Text } from '@mantine/core'
import { whatToCheck } from '../../../docs/generate/what-to-check.ts'
import { catalogue, type ErrorCode } from '../../../src/errors.ts'

/** What an error code means, and what to check: the words of the reference of errors. */
export function RefusalNote({ code }: { code: string }) {
  if (!isCode(code)) return null
  const [status, title, detail] = catalogue[code]
  return (
    <Alert color="red" variant="light" mt={8} p="sm" title={`${status} ${title}`}>
      <Text size="sm" mb={6}>
        <span className="mono">{code}</span> – {detail}
      </Text>
      <Text size="xs" fw={600} mb={2}>
        What to check
      </Text>
      <List size="sm" spacing={2}>
        {whatToCheck[code].map((line) => (
          <List.Item key={line}>
            <WithCode text={line} />
          </List.Item>
        ))}
      </List>
    </Alert>
  )
}

/** Every code that a request on the data plane can be refused with, in the order of their statuses. */
export const refusalCodes: readonly ErrorCode[] = (Object.keys(catalogue) as ErrorCode[]).filter(
  (code) => !['UNAUTHENTICATED', 'IDEMPOTENCY_CONFLICT', 'PRECONDITION_FAILED'].includes(code),
)

export const isCode = (text: string): text is ErrorCode => Object.hasOwn(catalogue, text)

/** What stands between backticks is code. */
function WithCode({ text }: { text: string }) {
  return text.split('`').map((part, index) =>
    index % 2 === 1 ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: parts of a text that does not change
      <span key={index} className="mono">
        {part}
      </span>
    ) : (
      part
    ),
  )
}
