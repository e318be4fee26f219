import { Anchor, List, Text } from '@mantine/core'
import { Link } from 'wouter'
import type { Schema } from '../../api/client.ts'
import { Status } from '../../components/badges.tsx'
import { Card } from '../../components/card.tsx'
import { CopyText } from '../../components/copy-text.tsx'
import { Time } from '../../components/time.tsx'
import { Bones, Row, Rows } from './rows.tsx'

/** Which configuration is in force, and what came of the last reload. */
export function ConfigCard({ config }: { config: Schema<'Health'>['config'] | undefined }) {
  const reload = config?.last_reload ?? undefined
  return (
    <Card
      title="Configuration"
      actions={
        <Anchor component={Link} href="/policy" size="sm">
          Policy
        </Anchor>
      }
    >
      <Rows>
        {config === undefined ? (
          <Bones count={3} />
        ) : (
          <>
            <Row name="Version">
              <CopyText text={config.version} shown={config.version.slice(0, 12)} label="Copy the version" />
            </Row>
            <Row name="In force since">
              <Text size="sm" component="div">
                <Time at={config.since} />
              </Text>
            </Row>
            <Row name="Last reload">
              {reload === undefined ? (
                <Text size="sm" className="quiet">
                  none since the start
                </Text>
              ) : (
                <Status of={reload.result} />
              )}
            </Row>
            {reload !== undefined && (
              <Text size="xs" className="quiet" component="div">
                <Time at={reload.at} />
                {reload.result === 'rejected' && '. Nothing has changed by it: the version above stays in force.'}
              </Text>
            )}
            {reload !== undefined && reload.problems.length > 0 && <Problems problems={reload.problems} />}
          </>
        )}
      </Rows>
    </Card>
  )
}

const shownMax = 5

const Problems = ({ problems }: { problems: readonly Schema<'PolicyProblem'>[] }) => (
  <>
    <List size="xs" spacing={4} listStyleType="none" styles={{ item: { overflowWrap: 'anywhere' } }}>
      {problems.slice(0, shownMax).map(({ line, column, path, message }) => (
        <List.Item key={`${line}:${column}:${path}:${message}`}>
          <span className="mono">
            {line !== null && `${line}:${column ?? 1} `}
            {path}
          </span>{' '}
          {message}
        </List.Item>
      ))}
    </List>
    {problems.length > shownMax && (
      <Text size="xs" className="quiet">
        and {problems.length - shownMax} more, on the policy page
      </Text>
    )}
  </>
)
