import { Button, Drawer, Group, Skeleton, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useRef } from 'react'
import { Link } from 'wouter'
import { ApiError, api, ok } from '../../api/client.ts'
import { useMe, useSettings } from '../../api/session.tsx'
import { StatusCode } from '../../components/badges.tsx'
import { DecisionPath } from '../../components/decision-path.tsx'
import { Empty } from '../../components/empty.tsx'
import { ErrorNote } from '../../components/error-note.tsx'
import { Icon } from '../../components/icon.tsx'
import { exactTime } from '../../components/time.tsx'
import { ruleFor, usePolicy } from '../policy/use-policy.ts'
import { decisionOf } from './decision.ts'
import type { Names, Row } from './request-columns.tsx'
import { RequestFacts } from './request-facts.tsx'
import type { Filters } from './request-filters.tsx'

/** One request: how it was decided, and everything that the log has of it. */
export function RequestDrawer({
  scope,
  rowId,
  found,
  names,
  onClose,
  onFilter,
}: {
  scope: string | undefined
  /** Empty: closed. */
  rowId: string
  /** The row, where the list has it. */
  found: Row | undefined
  names: Names
  onClose: () => void
  /** Left out where there is no list to filter. */
  onFilter?: (filters: Partial<Filters>) => void
}) {
  // In a live list a row goes out of sight: whoever reads it keeps it.
  const kept = useRef<Row | undefined>(undefined)
  if (found !== undefined) kept.current = found
  const atHand = kept.current?.id === rowId ? kept.current : undefined
  const { data, error, refetch } = useQuery({
    queryKey: ['request', scope ?? 'all', rowId],
    queryFn: ({ signal }) =>
      ok(
        scope === undefined
          ? api.GET('/platform/requests/{row_id}', { params: { path: { row_id: rowId } }, signal })
          : api.GET('/platform/organizations/{organization_id}/requests/{row_id}', {
              params: { path: { organization_id: scope, row_id: rowId } },
              signal,
            }),
      ),
    enabled: rowId !== '' && atHand === undefined,
  })
  const row = atHand ?? data
  return (
    <Drawer
      opened={rowId !== ''}
      onClose={onClose}
      position="right"
      size={560}
      title={
        row === undefined ? (
          'Request'
        ) : (
          <Group gap="xs" wrap="nowrap" align="flex-start">
            <StatusCode status={row.status_code} />
            <span className="mono" style={{ overflowWrap: 'anywhere' }}>
              <b>{row.method}</b> {row.path}
            </span>
          </Group>
        )
      }
    >
      {row !== undefined ? (
        <Content row={row} names={names} onFilter={onFilter} />
      ) : error instanceof ApiError && error.status === 404 ? (
        <Empty icon="requests" title="This request is not in the log">
          It is older than the log is kept, belongs to another organization, or was not written yet.
        </Empty>
      ) : error !== null ? (
        <ErrorNote error={error} retry={() => void refetch()} />
      ) : (
        <Stack aria-busy="true">
          <Skeleton h={18} w={220} />
          <Skeleton h={420} />
          <Skeleton h={260} />
        </Stack>
      )}
    </Drawer>
  )
}

function Content({
  row,
  names,
  onFilter,
}: {
  row: Row
  names: Names
  onFilter: ((filters: Partial<Filters>) => void) | undefined
}) {
  const me = useMe()
  const settings = useSettings().data
  const policy = usePolicy().data
  const known = {
    rule: ruleFor(policy, row.route, row.method),
    isOwn: isOwn(row, settings),
    keyName: row.key_id === null ? undefined : names.keys.get(row.key_id),
  }
  return (
    <Stack gap="lg">
      <Text size="sm" className="quiet">
        {exactTime(row.at)}
      </Text>
      <DecisionPath steps={decisionOf(row, known)} code={row.code} />
      <RequestFacts row={row} names={names} />
      <Group gap="xs">
        {me.is_root && (
          <Button component={Link} href={explainLink(row)} leftSection={<Icon name="explain" size={16} />}>
            Explain this request
          </Button>
        )}
        {onFilter !== undefined && row.key_id !== null && (
          <Button variant="default" onClick={() => onFilter({ key: row.key_id ?? '' })}>
            All with this key
          </Button>
        )}
        {onFilter !== undefined && row.route !== null && (
          <Button variant="default" onClick={() => onFilter({ route: row.route ?? '' })}>
            All of this route
          </Button>
        )}
      </Group>
    </Stack>
  )
}

/** Whether the gateway has answered it itself, and would have in any case. */
function isOwn(
  { route, code, upstream_ms }: Row,
  settings: { me_path: string; self_service: { path: string } | null } | undefined,
): boolean {
  if (route === null) return code === null && upstream_ms === null
  const place = settings?.self_service?.path
  return (
    route === settings?.me_path ||
    route === '/.well-known/jwks.json' ||
    (place !== undefined && (route === place || route.startsWith(`${place}/`)))
  )
}

/** The log has no query, so the question has none. */
function explainLink({ method, path, key_id, organization_id, ip }: Row): string {
  const who: Record<string, string> =
    key_id !== null && organization_id !== null ? { as: 'key', org: organization_id, key: key_id } : {}
  return `/explain?${new URLSearchParams({ method, path, ...who, ip })}`
}
