import { Alert, Button, Group, ScrollArea, SimpleGrid, Table, Text } from '@mantine/core'
import { Card } from '../../components/card.tsx'
import { Icon } from '../../components/icon.tsx'
import { Time } from '../../components/time.tsx'
import { bytesText, countText, type JobResult } from '../jobs/job-words.ts'

type Result = NonNullable<JobResult['result']>

/** What came of a job: what it counted, what it could not do, and where the file is. */
export function Outcome({ job }: { job: JobResult }) {
  const { result } = job
  if (result === null) return null
  const counts = Object.entries(result).filter(([name, value]) => typeof value === 'number' && name !== 'bytes')
  const errors = errorsOf(result)
  return (
    <>
      <Card title="Result">
        {counts.length > 0 && (
          <SimpleGrid cols={{ base: 2, sm: 4 }} spacing="md">
            {counts.map(([name, value]) => (
              <div key={name}>
                <Text size="xs" className="quiet">
                  {words[name] ?? name}
                </Text>
                <Text size="xl" fw={600} className="numbers">
                  {countText(Number(value))}
                </Text>
              </div>
            ))}
          </SimpleGrid>
        )}
        {result.truncated === true && (
          <Alert color="yellow" mt="md" title="Not everything fitted">
            One file holds a million rows or 256 MB. Export the rest with a time range that ends where this one does.
          </Alert>
        )}
        {typeof result.old_keys_until === 'string' && (
          <Text size="sm" mt="md">
            Keep the old master key until <Time at={result.old_keys_until} />: answers that were kept for repeats need
            it.
          </Text>
        )}
        <Output job={job} result={result} />
      </Card>
      {errors.length > 0 && <Errors errors={errors} about={aboutErrors(job, errors.length)} />}
    </>
  )
}

/** The export, or a report of one line for each key. The browser saves it: it is never read into the page. */
function Output({ job, result }: { job: JobResult; result: Result }) {
  const output = result.output as { bytes: number; expires_at: string } | undefined
  if (output === undefined) return null
  if (Date.parse(output.expires_at) < Date.now()) {
    return (
      <Text size="sm" className="quiet" mt="md">
        Its file is gone: it was kept for seven days. Order it again.
      </Text>
    )
  }
  const isExport = job.type === 'key_export' || job.type === 'request_export'
  return (
    <Group mt="md" gap="sm">
      <Button
        component="a"
        href={`/platform/organizations/${job.organization_id}/jobs/${job.id}/output`}
        download
        leftSection={<Icon name="download" size={16} />}
      >
        {isExport ? 'Download the file' : 'Download the report'}
      </Button>
      <Text size="xs" className="quiet" component="div">
        {typeof result.format === 'string' && `${result.format.toUpperCase()}, `}
        {bytesText(output.bytes)}, deleted <Time at={output.expires_at} />
      </Text>
    </Group>
  )
}

interface LineError {
  readonly line: number
  readonly path: string
  readonly message: string
}

const errorsOf = ({ errors }: Result): LineError[] => (Array.isArray(errors) ? (errors as unknown as LineError[]) : [])

function aboutErrors({ status, result, progress }: JobResult, shown: number): string {
  if (Number(result?.failed ?? 0) > shown) return 'The first of them; the report has all.'
  if (status !== 'completed')
    return `The import ended after ${countText(progress)} lines: those after them are missing, too.`
  return 'Mend these lines, and import them alone: the others are done.'
}

function Errors({ errors, about }: { errors: readonly LineError[]; about: string }) {
  return (
    <Card title="Lines that were left out" about={about} flush>
      <ScrollArea type="auto" viewportProps={{ tabIndex: 0, role: 'region', 'aria-label': 'Lines that were left out' }}>
        <Table aria-label="Lines that were left out" miw={420}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th w={80} ta="right">
                Line
              </Table.Th>
              <Table.Th w={180}>Field</Table.Th>
              <Table.Th>What is wrong</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {errors.map(({ line, path, message }) => (
              <Table.Tr key={`${line} ${path} ${message}`}>
                <Table.Td ta="right" className="numbers">
                  {line}
                </Table.Td>
                <Table.Td className="mono">{path}</Table.Td>
                <Table.Td style={{ overflowWrap: 'anywhere' }}>{message}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </ScrollArea>
    </Card>
  )
}

const words: Readonly<Record<string, string>> = {
  rows: 'Rows',
  lines: 'Lines',
  created: 'Created',
  skipped: 'Left as they are',
  failed: 'Not taken',
  revoked: 'Revoked',
  rotated: 'Rotated',
  total: 'Secrets',
  changed: 'Encrypted anew',
  unreadable: 'Unreadable',
}
