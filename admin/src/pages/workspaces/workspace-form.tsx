import { Code, Text, TextInput } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ok, type Schema } from '../../api/client.ts'
import { useOnce } from '../../api/once.ts'
import { type Tagged, useTagged } from '../../api/tagged.ts'
import { EditDrawer, Form, FormDrawer } from '../../components/form-drawer.tsx'
import { NameInput } from '../../components/name-input.tsx'

export type Workspace = Schema<'WorkspaceRecord'>

interface Props {
  readonly organizationId: string
  readonly onClose: () => void
}

/** After a change of workspaces: everything that shows them. */
export function useWorkspacesChanged(organizationId: string): () => Promise<void> {
  const client = useQueryClient()
  return async () => {
    void client.invalidateQueries({ queryKey: ['workspace', organizationId] })
    // Keys show which workspaces they reach.
    void client.invalidateQueries({ queryKey: ['key', organizationId] })
    await client.invalidateQueries({ queryKey: ['workspaces', organizationId] })
  }
}

export function CreateWorkspace({ opened, ...props }: Props & { opened: boolean }) {
  return (
    <FormDrawer opened={opened} title="Create a workspace" onClose={props.onClose}>
      <CreateForm {...props} />
    </FormDrawer>
  )
}

function CreateForm({ organizationId, onClose }: Props) {
  const changed = useWorkspacesChanged(organizationId)
  const once = useOnce()
  const [fields, setFields] = useState<Fields>({ name: '', externalId: '' })
  const create = async (): Promise<void> => {
    const body = bodyOf(fields)
    const params = { path: { organization_id: organizationId } }
    await once(body, (header) =>
      ok(api.POST('/platform/organizations/{organization_id}/workspaces', { params: { ...params, header }, body })),
    )
    await changed()
    onClose()
  }
  return (
    <Form action="Create" ready={fields.name.trim() !== ''} run={create} onCancel={onClose}>
      {(problem) => <Inputs fields={fields} onChange={setFields} problem={problem} />}
    </Form>
  )
}

/** @param workspaceId empty: closed. */
export function EditWorkspace({ workspaceId, ...props }: Props & { workspaceId: string }) {
  const path = { organization_id: props.organizationId, workspace_id: workspaceId }
  const query = useTagged(
    ['workspace', props.organizationId, workspaceId],
    (signal) =>
      api.GET('/platform/organizations/{organization_id}/workspaces/{workspace_id}', { params: { path }, signal }),
    { enabled: workspaceId !== '' },
  )
  return (
    <EditDrawer opened={workspaceId !== ''} title="Edit the workspace" onClose={props.onClose} query={query}>
      {(now, startAgain) => <EditForm {...props} now={now} startAgain={startAgain} />}
    </EditDrawer>
  )
}

function EditForm({
  organizationId,
  onClose,
  now,
  startAgain,
}: Props & { now: Tagged<Workspace>; startAgain: () => void }) {
  const changed = useWorkspacesChanged(organizationId)
  // As it was when somebody began: what is fetched meanwhile must not change under their hands.
  const [{ item, etag }] = useState(now)
  const [fields, setFields] = useState<Fields>({ name: item.name, externalId: item.external_id ?? '' })
  const isMoved = item.external_id !== null && fields.externalId !== item.external_id
  const save = async (): Promise<void> => {
    const params = { path: { organization_id: organizationId, workspace_id: item.id }, header: { 'If-Match': etag } }
    await ok(
      api.PATCH('/platform/organizations/{organization_id}/workspaces/{workspace_id}', {
        params,
        body: bodyOf(fields),
      }),
    )
    await changed()
    onClose()
  }
  return (
    <Form action="Save" ready={fields.name.trim() !== ''} run={save} onCancel={onClose} startAgain={startAgain}>
      {(problem) => (
        <>
          <Inputs fields={fields} onChange={setFields} problem={problem} />
          {isMoved && (
            <Text size="sm" c="var(--warn)">
              Requests to <span className="mono">{item.external_id}</span> are refused from then on: the grants follow
              the workspace to its new id.
            </Text>
          )}
        </>
      )}
    </Form>
  )
}

interface Fields {
  readonly name: string
  /** Empty: none. */
  readonly externalId: string
}

const bodyOf = ({ name, externalId }: Fields) => ({ name, external_id: externalId.trim() || null })

function Inputs({
  fields,
  onChange,
  problem,
}: {
  fields: Fields
  onChange: (fields: Fields) => void
  problem: (path: string) => string | undefined
}) {
  const id = fields.externalId.trim() || 'prj_42'
  return (
    <>
      <NameInput
        placeholder="Website"
        value={fields.name}
        onChange={(name) => onChange({ ...fields, name })}
        error={problem('name')}
        data-autofocus
      />
      <TextInput
        label="External id"
        description="The id that your own API has for it, as it stands in its paths. Left out, paths name the workspace by the id that it gets here."
        placeholder="prj_42"
        value={fields.externalId}
        onChange={(event) => onChange({ ...fields, externalId: event.currentTarget.value })}
        error={problem('external_id')}
        maxLength={200}
        autoComplete="off"
        spellCheck={false}
        classNames={{ input: 'mono' }}
      />
      <div>
        <Text size="xs" className="quiet" mb={4}>
          On a route with <span className="mono">workspace: ":id"</span> this is let through for keys that have a grant
          for it:
        </Text>
        <Code block style={{ overflowWrap: 'anywhere', whiteSpace: 'pre-wrap' }}>
          GET /projects/<b>{id}</b>/runs
        </Code>
      </div>
    </>
  )
}
