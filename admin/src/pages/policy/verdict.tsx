import { Alert, Badge, Group, Stack, Text } from '@mantine/core'
import type { Schema } from '../../api/client.ts'
import { Card } from '../../components/card.tsx'
import { Icon } from '../../components/icon.tsx'
import type { Column } from '../../components/list-table.tsx'
import { Changes, countOf } from './changes.tsx'
import { PlainTable } from './plain-table.tsx'
import { ProblemList } from './problem-list.tsx'

type PolicyVerdict = Schema<'PolicyVerdict'>
type Test = PolicyVerdict['tests'][number]

/** What became of a file that was tried. */
export function Verdict({
  verdict: { valid, problems, warnings, tests, tests_left_out: leftOut, changes },
  file,
  onLine,
}: {
  verdict: PolicyVerdict
  file: string | null
  onLine: (line: number) => void
}) {
  const missed = tests.filter(({ passed }) => !passed).length
  return (
    <Stack>
      {valid ? (
        <Alert
          role="status"
          color={missed > 0 ? 'yellow' : 'teal'}
          icon={<Icon name={missed > 0 ? 'warning' : 'check'} />}
          title={missed > 0 ? 'It can be loaded, and misses its own tests' : 'It can be loaded'}
        >
          {changes !== null && countOf(changes) === 0
            ? 'It says the same as what is in force.'
            : `To make it live, put it in the place of ${file ?? 'the configuration file'} and reload.`}
        </Alert>
      ) : (
        <Alert
          role="alert"
          color="red"
          icon={<Icon name="cross" />}
          title={`${problems.length === 1 ? 'One problem' : `${problems.length} problems`}: it can’t be loaded`}
        >
          <ProblemList problems={problems} onLine={onLine} />
        </Alert>
      )}
      {warnings.length > 0 && (
        <Alert color="yellow" icon={<Icon name="warning" />} title="Legal, and maybe not meant">
          <ProblemList problems={warnings} onLine={onLine} />
        </Alert>
      )}
      {changes !== null && (
        <Card title="What would be different" about="From what is in force now.">
          <Changes changes={changes} />
        </Card>
      )}
      {valid && (
        <Card
          flush
          title="Its tests"
          about={
            tests.length === 0
              ? 'The file has none. Under tests: it can say what must pass and what must not.'
              : `${tests.length - missed} of ${tests.length} hold${leftOut > 0 ? `; ${leftOut} more are not shown` : ''}.`
          }
        >
          <PlainTable
            label="Tests of the file"
            rows={tests}
            columns={columns}
            idOf={(test) => `${tests.indexOf(test)}`}
            minWidth={720}
            empty={null}
          />
        </Card>
      )}
    </Stack>
  )
}

const columns: readonly Column<Test>[] = [
  {
    name: 'Result',
    width: 115,
    cell: ({ passed }) => <Badge color={passed ? 'teal' : 'red'}>{passed ? 'holds' : 'missed'}</Badge>,
  },
  {
    name: 'Request',
    cell: ({ request, scopes }) => (
      <>
        <span className="mono" style={{ overflowWrap: 'anywhere' }}>
          {request}
        </span>
        <Text size="xs" className="quiet">
          {scopes === null ? 'without a key' : `with ${scopes.join(', ') || 'no scopes'}`}
        </Text>
      </>
    ),
  },
  { name: 'Expected', width: 190, cell: ({ expected }) => <span className="mono">{expected}</span> },
  {
    name: 'Came',
    width: 280,
    cell: ({ decision, code, step, detail, passed }) => (
      <>
        <Group gap="xs">
          <span className="mono">{code ?? decision}</span>
        </Group>
        {!passed && detail !== null && (
          <Text size="xs" className="quiet" style={{ overflowWrap: 'anywhere' }}>
            {step}: {detail}
          </Text>
        )}
      </>
    ),
  },
]
