import { Anchor, Badge, Code, Group, Stack, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { useSettings } from '../../api/session.tsx'
import { Card } from '../../components/card.tsx'
import { CopyText } from '../../components/copy-text.tsx'
import { Time } from '../../components/time.tsx'
import { limitText } from '../keys/limit-input.tsx'
import { keysManage } from '../keys/scopes.ts'
import { type ApiKey, ownerOf, useOwners } from '../keys/use-owners.ts'

/** Everything about a key that does not change by itself. */
export function Facts({ apiKey: key }: { apiKey: ApiKey }) {
  const owner = ownerOf(key, useOwners(key.organization_id))
  return (
    <Card title="Facts">
      <Stack component="dl" gap="sm" m={0}>
        <Fact name="Id">
          <CopyText text={key.id} />
        </Fact>
        <Fact name={owner?.account ? 'Service account' : 'Owner'}>
          {owner === undefined ? (
            <span className="quiet">nobody in particular</span>
          ) : owner.account ? (
            <Anchor component={Link} href={`/o/${key.organization_id}/service-accounts`} size="sm">
              {owner.name}
            </Anchor>
          ) : (
            owner.name
          )}
        </Fact>
        <Fact name="Made">
          <Time at={key.created_at} />
        </Fact>
        <Fact name="Last used">
          <Time at={key.last_used_at} />
        </Fact>
        <Fact name="Expires">
          <Time at={key.expires_at} />
        </Fact>
        <Fact name="Addresses">
          {key.allowed_ips.length === 0 ? (
            <span className="quiet">any</span>
          ) : (
            key.allowed_ips.map((address) => (
              <div key={address} className="mono">
                {address}
              </div>
            ))
          )}
        </Fact>
        <Fact name="History">
          <Anchor component={Link} href={`/o/${key.organization_id}/events?target=${key.id}`} size="sm">
            Events of this key
          </Anchor>
        </Fact>
        <Fact name="Rate limit">
          <span className={key.rate_limit === null ? 'quiet' : undefined}>{limitText(key.rate_limit)}</span>
        </Fact>
        {Object.keys(key.metadata).length > 0 && (
          <div>
            <Text component="dt" size="sm" className="quiet" mb={4}>
              Metadata
            </Text>
            <Code component="dd" block m={0} style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
              {JSON.stringify(key.metadata, null, 2)}
            </Code>
          </div>
        )}
      </Stack>
    </Card>
  )
}

/** Each with what the configuration says that it is for. */
export function ScopesCard({ scopes }: { scopes: readonly string[] }) {
  const declared = useSettings().data?.scopes ?? []
  const about = (scope: string): string => {
    if (scope === '*') return 'Everything, also what is declared later'
    if (scope === keysManage) return 'Manage keys of this organization over the API'
    if (scope.endsWith(':*')) return `Everything under ${scope.slice(0, -2)}`
    return declared.find(({ name }) => name === scope)?.description ?? 'Not declared any more: good for nothing'
  }
  return (
    <Card title="Scopes">
      {scopes.length === 0 && (
        <Text size="sm" className="quiet">
          None: good for routes that ask for a key and no scope.
        </Text>
      )}
      <Stack gap="xs">
        {scopes.map((scope) => (
          <div key={scope}>
            <Badge variant="default" tt="none" className="mono" maw="100%">
              {scope}
            </Badge>
            <Text size="xs" className="quiet">
              {about(scope)}
            </Text>
          </div>
        ))}
      </Stack>
    </Card>
  )
}

const Fact = ({ name, children }: { name: string; children: ReactNode }) => (
  <Group justify="space-between" align="flex-start" wrap="nowrap" gap="md">
    <Text component="dt" size="sm" className="quiet" style={{ whiteSpace: 'nowrap' }}>
      {name}
    </Text>
    <Text component="dd" size="sm" m={0} ta="right" style={{ overflowWrap: 'anywhere' }}>
      {children}
    </Text>
  </Group>
)
