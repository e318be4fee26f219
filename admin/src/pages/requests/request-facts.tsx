import { Anchor, Table } from '@mantine/core'
import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { useMe } from '../../api/session.tsx'
import { CopyText } from '../../components/copy-text.tsx'
import { milliseconds } from './decision.ts'
import { type Names, type Row, shortId } from './request-columns.tsx'

/** Everything that the log has of a request. */
export function RequestFacts({ row, names: { keys, organizations } }: { row: Row; names: Names }) {
  const { organization_id: organizationId, key_id: keyId } = row
  return (
    <Table aria-label="What the log has of it" verticalSpacing={6} horizontalSpacing={0} highlightOnHover={false}>
      <Table.Tbody>
        <Fact name="Time">
          <CopyText text={row.at} />
        </Fact>
        <Fact name="Request id">
          <CopyText text={row.request_id} />
        </Fact>
        <Fact name="Answer">{row.status_code === 0 ? 'none: the caller left' : row.status_code}</Fact>
        {row.code !== null && (
          <Fact name="Refused with">
            <span className="mono">{row.code}</span>
          </Fact>
        )}
        {row.shadow_code !== null && (
          <Fact name="In shadow">
            would be <span className="mono">{row.shadow_code}</span>
          </Fact>
        )}
        <Fact name="Key">
          {keyId !== null && (
            <Anchor component={Link} href={`/o/${organizationId}/keys/${keyId}`} size="sm">
              {keys.get(keyId) ?? shortId(keyId)}
            </Anchor>
          )}
        </Fact>
        {organizations !== undefined && (
          <Fact name="Organization">
            {organizationId !== null && (
              <Anchor component={Link} href={`/o/${organizationId}`} size="sm">
                {organizations.get(organizationId) ?? shortId(organizationId)}
              </Anchor>
            )}
          </Fact>
        )}
        <Fact name="Route">
          <RouteLink route={row.route} />
        </Fact>
        <Fact name="Took">{milliseconds(row.duration_ms)}</Fact>
        <Fact name="With the API">{row.upstream_ms === null ? 'was not asked' : milliseconds(row.upstream_ms)}</Fact>
        <Fact name="Body in, out">{`${bytes(row.bytes_in)}, ${bytes(row.bytes_out)}`}</Fact>
        <Fact name="Address">
          <CopyText text={row.ip} />
        </Fact>
        <Fact name="User agent">{row.user_agent !== null && <span className="mono">{row.user_agent}</span>}</Fact>
        <Fact name="Id in the log">
          <CopyText text={row.id} />
        </Fact>
      </Table.Tbody>
    </Table>
  )
}

/** `false`: there is none. */
const Fact = ({ name, children }: { name: string; children: ReactNode }) => (
  <Table.Tr>
    <Table.Th scope="row" w={120} fw={400} className="quiet" style={{ verticalAlign: 'top' }}>
      {name}
    </Table.Th>
    <Table.Td style={{ overflowWrap: 'anywhere' }} className="numbers">
      {children === false ? <span className="quiet">none</span> : children}
    </Table.Td>
  </Table.Tr>
)

/** The policy is for root alone. */
function RouteLink({ route }: { route: string | null }) {
  const me = useMe()
  if (route === null) return <span className="quiet">none</span>
  if (!me.is_root) return <span className="mono">{route}</span>
  return (
    <Anchor component={Link} href={`/policy?${new URLSearchParams({ q: route })}`} size="sm" className="mono">
      {route}
    </Anchor>
  )
}

const bytes = (count: number): string =>
  count < 1024
    ? `${count} B`
    : count < 1024 * 1024
      ? `${(count / 1024).toFixed(1)} kB`
      : `${(count / 1048576).toFixed(1)} MB`
