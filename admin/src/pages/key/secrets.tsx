import { Badge, Group, ScrollArea, Table, Text } from '@mantine/core'
import { useEffect, useReducer } from 'react'
import { Card } from '../../components/card.tsx'
import { exactTime, Time } from '../../components/time.tsx'
import { Masked } from '../keys/masked.tsx'
import type { ApiKey } from '../keys/use-owners.ts'

type Secret = ApiKey['secrets'][number]

/** Which secrets a key has, which of them are still used, and how long the older ones last. */
export function Secrets({ apiKey: { secrets, status } }: { apiKey: ApiKey }) {
  const [newest] = secrets
  const isRotating = secrets.length > 1 && status === 'active'
  return (
    <Card
      title={isRotating ? 'Secrets' : 'Secret'}
      about={
        isRotating ? 'Both are good until the older one ends. Move every caller to the new one before.' : undefined
      }
      flush
    >
      <ScrollArea type="auto" viewportProps={{ tabIndex: 0, role: 'region', 'aria-label': 'Secrets' }}>
        <Table aria-label="Secrets" horizontalSpacing={10} className="to-the-edges">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Secret</Table.Th>
              <Table.Th visibleFrom="xs">Made</Table.Th>
              <Table.Th>Last used</Table.Th>
              <Table.Th>Ends</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {secrets.map((secret) => (
              <Table.Tr key={secret.id}>
                <Table.Td>
                  <Group gap="xs" style={{ rowGap: 2 }}>
                    <Masked {...secret} />
                    {isRotating && (
                      <Badge color={secret === newest ? 'teal' : 'orange'} style={{ flexShrink: 0 }}>
                        {secret === newest ? 'new' : 'old'}
                      </Badge>
                    )}
                  </Group>
                </Table.Td>
                <Table.Td visibleFrom="xs">
                  <Time at={secret.created_at} />
                </Table.Td>
                <Table.Td>
                  <Time at={secret.last_used_at} />
                  {isRotating && secret !== newest && <Use of={secret} since={newest} />}
                </Table.Td>
                <Table.Td>
                  {secret.expires_at === null ? (
                    <span className="quiet">with the key</span>
                  ) : (
                    <Countdown to={secret.expires_at} />
                  )}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </ScrollArea>
    </Card>
  )
}

/** Whether somebody still calls with the old one, since there is another. */
function Use({ of: { last_used_at }, since }: { of: Secret; since: Secret | undefined }) {
  const isUsed = last_used_at !== null && since !== undefined && last_used_at > since.created_at
  return (
    <Text size="xs" fw={600} c={isUsed ? 'var(--warn)' : 'var(--good)'}>
      {isUsed ? 'Still in use' : 'Not used since the rotation'}
    </Text>
  )
}

/** Goes by the second in its last hour. */
function Countdown({ to }: { to: string }) {
  const [, again] = useReducer((count: number) => count + 1, 0)
  useEffect(() => {
    const timer = setInterval(again, 1000)
    return () => clearInterval(timer)
  }, [])
  return (
    <time dateTime={to} title={exactTime(to)} className="numbers" role="timer" aria-live="off">
      {remaining(Date.parse(to) - Date.now())}
    </time>
  )
}

function remaining(ms: number): string {
  if (ms <= 0) return 'has ended'
  const [days, hours, minutes] = [ms / 86_400_000, (ms / 3_600_000) % 24, (ms / 60_000) % 60].map(Math.floor)
  const seconds = Math.floor(ms / 1000) % 60
  if (days) return `in ${days} d ${hours} h`
  if (hours) return `in ${hours} h ${minutes} min`
  return `in ${minutes} min ${String(seconds).padStart(2, '0')} s`
}
