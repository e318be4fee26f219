import { Badge, Group, SimpleGrid, Stack, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { Card } from '../../components/card.tsx'
import { ErrorNote } from '../../components/error-note.tsx'
import { ConfigCard } from './config-card.tsx'
import { Bones, Row, Rows } from './rows.tsx'
import { type Health, useHealth } from './use-health.ts'

/** How the gateway is, and what it depends on. For root. */
export function HealthCards() {
  const { data, error, isError, refetch } = useHealth()
  // What was seen before an answer failed is no longer known to be so.
  if (isError) return <ErrorNote error={error} retry={() => void refetch()} />
  return (
    <SimpleGrid cols={{ base: 1, md: 3 }} spacing="lg">
      <Card title="Health">
        <Rows>{data === undefined ? <Bones count={5} /> : <Parts health={data} />}</Rows>
      </Card>
      <Card title="Upstreams">
        <Rows>{data === undefined ? <Bones count={5} /> : <Upstreams upstreams={data.upstreams} />}</Rows>
      </Card>
      <ConfigCard config={data?.config} />
    </SimpleGrid>
  )
}

function Parts({ health: { ready, store, redis, limiter, request_log: log, nodes } }: { health: Health }) {
  const behind = nodes.live - nodes.acknowledged
  return (
    <>
      <Row name="Gateway">
        <State ok={ready} good="ready" bad="not ready" />
      </Row>
      <Row name={`Store (${store.kind === 'sqlite' ? 'SQLite' : 'PostgreSQL'})`}>
        <State ok={store.up} good="up" bad="does not answer" />
      </Row>
      <Row name="Redis">
        {redis === null ? <Quiet>not used</Quiet> : <State ok={redis.up} good="up" bad="does not answer" />}
      </Row>
      <Row
        name="Rate limits"
        below={limiter.degraded ? 'Redis does not answer: what redis_failure says holds meanwhile.' : undefined}
      >
        <State ok={!limiter.degraded} good={redis === null ? 'in memory' : 'shared'} bad="degraded" />
      </Row>
      <Row
        name="Request log"
        below={log.dropped > 0 ? `${log.dropped.toLocaleString('en')} rows lost since the start` : undefined}
      >
        <State
          ok={log.dropped === 0}
          good={log.queue === 0 ? 'all written' : `${log.queue.toLocaleString('en')} waiting`}
          bad="lost rows"
        />
      </Row>
      <Row name="Nodes" below={behind > 0 ? 'Those behind may still hold what was changed.' : undefined}>
        <State ok={behind === 0} good={`${nodes.live} in step`} bad={`${behind} of ${nodes.live} behind`} />
      </Row>
    </>
  )
}

function Upstreams({ upstreams }: { upstreams: Health['upstreams'] }) {
  if (upstreams.length === 0) return <Quiet>None in the configuration.</Quiet>
  return upstreams.map(({ name, targets, health_check }) => (
    <Stack key={name} gap={4}>
      <Text size="sm" fw={500} style={{ overflowWrap: 'anywhere' }}>
        {name}
      </Text>
      {targets.map(({ url, up }) => (
        <Group key={url} justify="space-between" gap="xs" wrap="nowrap">
          <Text size="xs" className="mono" miw={0} style={{ overflowWrap: 'anywhere' }}>
            {url}
          </Text>
          <State ok={up} good="up" bad="down" />
        </Group>
      ))}
      {!health_check && (
        <Text size="xs" className="quiet">
          Known by its requests alone: it has no health check.
        </Text>
      )}
    </Stack>
  ))
}

const State = ({ ok: isGood, good, bad }: { ok: boolean; good: string; bad: string }) => (
  <Badge color={isGood ? 'teal' : 'red'} style={{ flexShrink: 0 }}>
    {isGood ? good : bad}
  </Badge>
)

const Quiet = ({ children }: { children: ReactNode }) => (
  <Text size="sm" className="quiet">
    {children}
  </Text>
)
