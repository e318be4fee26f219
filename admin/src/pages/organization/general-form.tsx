import { Button, Group, Stack, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { type ReactNode, useEffect, useState } from 'react'
import { ApiError, api, whole } from '../../api/client.ts'
import { fieldProblem } from '../../api/field-problem.ts'
import { useMay } from '../../api/session.tsx'
import { CopyText } from '../../components/copy-text.tsx'
import { ErrorNote } from '../../components/error-note.tsx'
import { Meanwhile } from '../../components/meanwhile.tsx'
import { NameInput } from '../../components/name-input.tsx'
import { Time } from '../../components/time.tsx'
import { LimitInput, limitFrom, limitOf, limitText } from '../keys/limit-input.tsx'
import { MetadataInput, metadataOf, metadataText } from '../keys/metadata-input.tsx'
import { type Organization, useOrganizationChanged } from '../organizations/change-status.tsx'

/** Name, limit and metadata. What somebody else has changed meanwhile is not overwritten: the server says so. */
export function GeneralForm({ organization, etag }: { organization: Organization; etag: string }) {
  // As it was when somebody began: what is fetched meanwhile must not change under their hands.
  const [base, setBase] = useState({ organization, etag, turn: 0 })
  const isOutdated = base.etag !== etag
  const mayEdit = useMay(organization.id, 'owner')
  const begin = (now: { organization: Organization; etag: string }): void => setBase({ ...now, turn: base.turn + 1 })
  return (
    <Stack gap="lg">
      <Facts organization={organization} />
      {mayEdit ? (
        <Form
          key={base.turn}
          organization={base.organization}
          etag={base.etag}
          now={organization}
          isOutdated={isOutdated}
          onSaved={begin}
          onStartAgain={() => begin({ organization, etag })}
        />
      ) : (
        <Stack gap="xs">
          <Fact name="Rate limit">{limitText(organization.rate_limit)}</Fact>
          {Object.keys(organization.metadata).length > 0 && (
            <Fact name="Metadata">
              <span className="mono" style={{ overflowWrap: 'anywhere' }}>
                {JSON.stringify(organization.metadata)}
              </span>
            </Fact>
          )}
          <Text size="sm" className="quiet">
            Owners change the name and the metadata, whoever runs this gateway the limit.
          </Text>
        </Stack>
      )}
    </Stack>
  )
}

function Form({
  organization,
  etag,
  now,
  isOutdated,
  onSaved,
  onStartAgain,
}: {
  organization: Organization
  etag: string
  /** As it is by now. */
  now: Organization
  isOutdated: boolean
  onSaved: (base: { organization: Organization; etag: string }) => void
  onStartAgain: () => void
}) {
  const changed = useOrganizationChanged()
  const isRoot = useMay(organization.id, 'root')
  const [name, setName] = useState(organization.name)
  const [limit, setLimit] = useState(() => limitFrom(organization.rate_limit))
  const [metadataTyped, setMetadata] = useState(() => metadataText(organization.metadata))
  const [error, setError] = useState<unknown>(undefined)
  const [busy, setBusy] = useState(false)
  const metadata = metadataOf(metadataTyped)
  const body = {
    ...(name !== organization.name && { name }),
    ...(differs(limitOf(limit), organization.rate_limit) && { rate_limit: limitOf(limit) }),
    ...(metadata !== undefined && differs(metadata, organization.metadata) && { metadata }),
  }
  const isChanged = Object.keys(body).length > 0
  // Where nobody has typed anything there is nothing to keep.
  useEffect(() => {
    if (isOutdated && !isChanged && !busy) onStartAgain()
  })

  const save = async (): Promise<void> => {
    setBusy(true)
    setError(undefined)
    try {
      const { data, response } = await whole(
        api.PATCH('/platform/organizations/{organization_id}', {
          params: { path: { organization_id: organization.id }, header: { 'If-Match': etag } },
          body,
        }),
      )
      await changed(organization.id)
      notifications.show({ message: 'The changes are saved.' })
      onSaved({ organization: data, etag: response.headers.get('etag') ?? '*' })
    } catch (refusal) {
      // Shows what somebody else has changed, if that was the reason.
      await changed(organization.id)
      setError(refusal)
    } finally {
      setBusy(false)
    }
  }

  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        void save()
      }}
    >
      <Stack gap="lg">
        <NameInput value={name} onChange={setName} error={fieldProblem(error, 'name')} />
        {isRoot ? (
          <LimitInput
            label="A limit for all of it together"
            value={limit}
            onChange={setLimit}
            error={fieldProblem(error, 'rate_limit')}
          />
        ) : (
          <Fact name="Rate limit">{limitText(organization.rate_limit)}, set by whoever runs this gateway</Fact>
        )}
        <MetadataInput
          of="organization"
          value={metadataTyped}
          onChange={setMetadata}
          error={fieldProblem(error, 'metadata')}
        />
        {isOutdated && isChanged && !busy && <Meanwhile before={organization} now={now} startAgain={onStartAgain} />}
        {error !== undefined && !(isOutdated && isStale(error)) && <ErrorNote error={error} />}
        <Group gap="xs">
          <Button type="submit" loading={busy} disabled={!isChanged || name.trim() === '' || metadata === undefined}>
            Save changes
          </Button>
          {isChanged && (
            <Button variant="subtle" onClick={onStartAgain}>
              Undo
            </Button>
          )}
        </Group>
      </Stack>
    </form>
  )
}

const Facts = ({ organization: { id, slug, created_at } }: { organization: Organization }) => (
  <Group style={{ columnGap: 40, rowGap: 12 }}>
    <Fact name="Short name">
      <CopyText text={slug} />
    </Fact>
    <Fact name="Id">
      <CopyText text={id} />
    </Fact>
    <Fact name="Created">
      <Time at={created_at} />
    </Fact>
  </Group>
)

const Fact = ({ name, children }: { name: string; children: ReactNode }) => (
  <div>
    <Text size="xs" className="quiet">
      {name}
    </Text>
    <Text size="sm" component="div">
      {children}
    </Text>
  </div>
)

const isStale = (error: unknown): boolean => error instanceof ApiError && error.status === 412
const differs = (one: unknown, other: unknown): boolean => JSON.stringify(one) !== JSON.stringify(other)
