import { Textarea, TextInput } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ok, type Schema } from '../../api/client.ts'
import { useOnce } from '../../api/once.ts'
import { type Tagged, useTagged } from '../../api/tagged.ts'
import { EditDrawer, Form, FormDrawer } from '../../components/form-drawer.tsx'
import { NameInput } from '../../components/name-input.tsx'
import { type OrganizationRole, RoleInput } from '../../components/role.tsx'

export type ServiceAccount = Schema<'ServiceAccountRecord'>

interface Props {
  readonly organizationId: string
  readonly onClose: () => void
}

/** After a change of service accounts: everything that shows them. */
export function useAccountsChanged(organizationId: string): () => Promise<void> {
  const client = useQueryClient()
  return async () => {
    void client.invalidateQueries({ queryKey: ['service-account', organizationId] })
    await client.invalidateQueries({ queryKey: ['service-accounts', organizationId] })
  }
}

export function CreateAccount({ opened, ...props }: Props & { opened: boolean }) {
  return (
    <FormDrawer opened={opened} title="Create a service account" onClose={props.onClose}>
      <CreateForm {...props} />
    </FormDrawer>
  )
}

function CreateForm({ organizationId, onClose }: Props) {
  const changed = useAccountsChanged(organizationId)
  const once = useOnce()
  const [fields, setFields] = useState<Fields>({ name: '', description: '', role: 'engineer' })
  const [slug, setSlug] = useState('')
  const create = async (): Promise<void> => {
    const body = { ...fields, ...(slug !== '' && { slug }) }
    const params = { path: { organization_id: organizationId } }
    await once(body, (header) =>
      ok(
        api.POST('/platform/organizations/{organization_id}/service-accounts', { params: { ...params, header }, body }),
      ),
    )
    await changed()
    onClose()
  }
  return (
    <Form action="Create" ready={fields.name.trim() !== ''} run={create} onCancel={onClose}>
      {(problem) => (
        <>
          <Inputs organizationId={organizationId} fields={fields} onChange={setFields} problem={problem} />
          <TextInput
            label="Short name"
            description="For logs and the command line; made from the name when left out. It stays as it is."
            placeholder="deploy-bot"
            value={slug}
            onChange={(event) => setSlug(event.currentTarget.value)}
            error={problem('slug')}
            maxLength={63}
            autoComplete="off"
          />
        </>
      )}
    </Form>
  )
}

/** @param accountId empty: closed. */
export function EditAccount({ accountId, ...props }: Props & { accountId: string }) {
  const path = { organization_id: props.organizationId, sa_id: accountId }
  const query = useTagged(
    ['service-account', props.organizationId, accountId],
    (signal) =>
      api.GET('/platform/organizations/{organization_id}/service-accounts/{sa_id}', { params: { path }, signal }),
    { enabled: accountId !== '' },
  )
  return (
    <EditDrawer opened={accountId !== ''} title="Edit the service account" onClose={props.onClose} query={query}>
      {(now, startAgain) => <EditForm {...props} now={now} startAgain={startAgain} />}
    </EditDrawer>
  )
}

function EditForm({
  organizationId,
  onClose,
  now,
  startAgain,
}: Props & { now: Tagged<ServiceAccount>; startAgain: () => void }) {
  const changed = useAccountsChanged(organizationId)
  // As it was when somebody began: what is fetched meanwhile must not change under their hands.
  const [{ item, etag }] = useState(now)
  const [fields, setFields] = useState<Fields>({ name: item.name, description: item.description, role: item.role })
  const save = async (): Promise<void> => {
    const params = { path: { organization_id: organizationId, sa_id: item.id }, header: { 'If-Match': etag } }
    await ok(api.PATCH('/platform/organizations/{organization_id}/service-accounts/{sa_id}', { params, body: fields }))
    await changed()
    onClose()
  }
  return (
    <Form action="Save" ready={fields.name.trim() !== ''} run={save} onCancel={onClose} startAgain={startAgain}>
      {(problem) => <Inputs organizationId={organizationId} fields={fields} onChange={setFields} problem={problem} />}
    </Form>
  )
}

interface Fields {
  readonly name: string
  readonly description: string
  readonly role: OrganizationRole
}

function Inputs({
  organizationId,
  fields,
  onChange,
  problem,
}: {
  organizationId: string
  fields: Fields
  onChange: (fields: Fields) => void
  problem: (path: string) => string | undefined
}) {
  return (
    <>
      <NameInput
        placeholder="Deploy bot"
        value={fields.name}
        onChange={(name) => onChange({ ...fields, name })}
        error={problem('name')}
        data-autofocus
      />
      <Textarea
        label="Description"
        description="What it is, and whom to ask about it."
        value={fields.description}
        onChange={(event) => onChange({ ...fields, description: event.currentTarget.value })}
        error={problem('description')}
        maxLength={2000}
        autosize
        minRows={2}
        maxRows={6}
      />
      <RoleInput
        organizationId={organizationId}
        description="Says who looks after it: nobody whose own role is below it makes or changes its keys."
        about={keepers}
        value={fields.role}
        onChange={(role) => onChange({ ...fields, role })}
        error={problem('role')}
      />
    </>
  )
}

const keepers: Record<OrganizationRole, string> = {
  viewer: 'Engineers, admins and owners.',
  engineer: 'Engineers, admins and owners.',
  admin: 'Admins and owners.',
  owner: 'Owners alone.',
}
