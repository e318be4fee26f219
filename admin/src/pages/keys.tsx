import { Button, Group } from '@mantine/core'
import { useState } from 'react'
import { api } from '../api/client.ts'
import { usePages } from '../api/pages.ts'
import { useMay } from '../api/session.tsx'
import { Card } from '../components/card.tsx'
import { saveCsv } from '../components/csv.ts'
import { Empty } from '../components/empty.tsx'
import { ErrorNote } from '../components/error-note.tsx'
import { Icon } from '../components/icon.tsx'
import { ListTable } from '../components/list-table.tsx'
import { NoneMatch } from '../components/look-further.tsx'
import { Page } from '../components/page.tsx'
import { useQueryState } from '../components/use-query-state.ts'
import { useOrganization } from '../shell/organization-switcher.tsx'
import { useThisOrganization } from '../shell/use-organization.ts'
import { exportOrder, type Target, useOrder } from './keys/bulk.ts'
import { BulkConfirm } from './keys/bulk-confirm.tsx'
import { CreateKey } from './keys/create-key.tsx'
import { ImportKeys } from './keys/import-keys.tsx'
import { JobStrip } from './keys/job-strip.tsx'
import { csvColumns, keyColumns } from './keys/key-columns.tsx'
import { filterNames, KeyFilters, listQuery, noFilters } from './keys/key-filters.tsx'
import { KeysToolbar } from './keys/keys-toolbar.tsx'
import { useOwnableAccounts, useOwners } from './keys/use-owners.ts'

const nobody: ReadonlySet<string> = new Set()

/** The keys of an organization. */
export default function KeysPage() {
  const organizationId = useThisOrganization()
  const [{ dialog, job, ...filters }, change] = useQueryState([...filterNames, 'dialog', 'job'])
  const isAdmin = useMay(organizationId, 'admin')
  // Engineers make keys for service accounts alone.
  const isEngineer = useMay(organizationId, 'engineer')
  const ownable = useOwnableAccounts(organizationId)
  const mayCreate = isAdmin || (isEngineer && ownable.length > 0)
  const owners = useOwners(organizationId)
  const order = useOrder(organizationId)
  const [ticked, setTicked] = useState(nobody)
  const [asked, setAsked] = useState<{ action: 'revoke' | 'rotate'; target: Target } | undefined>(undefined)
  const [error, setError] = useState<unknown>(undefined)

  const pages = usePages(['keys', organizationId, filters], (query, signal) =>
    api.GET('/platform/organizations/{organization_id}/api-keys', {
      params: { path: { organization_id: organizationId }, query: { ...query, ...listQuery(filters) } },
      signal,
    }),
  )
  const { items, query } = pages
  const isFiltered = filterNames.some((name) => filters[name] !== '')
  // What a filter has taken from sight is not acted upon.
  const chosen = items.filter(({ id }) => ticked.has(id))
  const ordered = (jobId: string): void => {
    setTicked(nobody)
    change({ job: jobId, dialog: '' })
  }

  return (
    <Page
      title="API keys"
      about="Each key lets somebody call your API, with the scopes that you give it. The secret is shown when it is made."
      actions={
        <>
          {isAdmin && (
            <Button variant="default" onClick={() => change({ dialog: 'import' })}>
              Import
            </Button>
          )}
          {mayCreate && (
            <Button leftSection={<Icon name="plus" />} onClick={() => change({ dialog: 'create' })}>
              Create key
            </Button>
          )}
        </>
      }
    >
      {job !== '' && <JobStrip organizationId={organizationId} jobId={job} onClose={() => change({ job: '' })} />}
      {error !== undefined && <ErrorNote error={error} />}
      {(isFiltered || items.length > 0 || !query.isSuccess) && (
        <KeyFilters organizationId={organizationId} filters={filters} onChange={change} />
      )}
      <Card flush>
        {!query.isError && (items.length > 0 || query.isPending) && (
          <KeysToolbar
            shown={query.isPending ? undefined : items.length}
            hasMore={query.hasNextPage}
            ticked={new Set(chosen.map(({ id }) => id))}
            filters={filters}
            mayOrder={isAdmin}
            onClear={() => setTicked(nobody)}
            onSave={() => saveCsv('api-keys.csv', csvColumns(owners), chosen.length > 0 ? chosen : items)}
            onExport={(target, format) => {
              setError(undefined)
              order(exportOrder(target, format)).then(ordered, setError)
            }}
            onAsk={(action, target) => setAsked({ action, target })}
          />
        )}
        <ListTable
          label="API keys"
          pages={pages}
          fixed
          columns={keyColumns(`/o/${organizationId}/keys`, owners)}
          to={({ id }) => `/o/${organizationId}/keys/${id}`}
          choice={{ ids: ticked, change: setTicked, name: ({ name }) => name }}
          empty={
            isFiltered ? (
              <NoneMatch title="No key matches" onClear={() => change(noFilters)}>
                Keys are found by a part of their name, or by the first characters of the key itself.
              </NoneMatch>
            ) : (
              <FirstKey
                organizationId={organizationId}
                onCreate={mayCreate ? () => change({ dialog: 'create' }) : undefined}
              />
            )
          }
        />
      </Card>
      {mayCreate && (
        <CreateKey
          organizationId={organizationId}
          opened={dialog === 'create'}
          onClose={() => change({ dialog: '' })}
        />
      )}
      {isAdmin && dialog === 'import' && (
        <ImportKeys organizationId={organizationId} onClose={() => change({ dialog: '' })} onOrdered={ordered} />
      )}
      {asked !== undefined && (
        <BulkConfirm
          organizationId={organizationId}
          {...asked}
          onClose={() => setAsked(undefined)}
          onOrdered={ordered}
        />
      )}
    </Page>
  )
}

function FirstKey({ organizationId, onCreate }: { organizationId: string; onCreate: (() => void) | undefined }) {
  const slug = useOrganization(organizationId).data?.slug ?? '…'
  return (
    <Empty
      icon="key"
      title="No keys yet"
      code={`sallyport keys create --org ${slug} --name "CI pipeline"`}
      action={
        onCreate !== undefined && (
          <Group mt="xs">
            <Button onClick={onCreate}>Create the first key</Button>
          </Group>
        )
      }
    >
      A caller sends its key as <span className="mono">Authorization: Bearer …</span>; the gateway checks it, and tells
      your API who is calling. Make one here, or on the command line:
    </Empty>
  )
}
