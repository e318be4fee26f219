import { Alert, Text } from '@mantine/core'
import { useState } from 'react'
import { api, ok } from '../../api/client.ts'
import { useProof } from '../../api/proof.tsx'
import { rolesUpTo, useMe, useRole } from '../../api/session.tsx'
import { type Tagged, useTagged } from '../../api/tagged.ts'
import { EditDrawer, Form } from '../../components/form-drawer.tsx'
import { type OrganizationRole, RoleInput } from '../../components/role.tsx'
import { keepingAnOwner, type Member, useMembersChanged } from './use-members.ts'

interface Props {
  readonly organizationId: string
  readonly onClose: () => void
}

/** @param operatorId empty: closed. */
export function ChangeRole({ operatorId, ...props }: Props & { operatorId: string }) {
  const path = { organization_id: props.organizationId, operator_id: operatorId }
  const query = useTagged(
    ['member', props.organizationId, operatorId],
    (signal) =>
      api.GET('/platform/organizations/{organization_id}/members/{operator_id}', { params: { path }, signal }),
    { enabled: operatorId !== '' },
  )
  return (
    <EditDrawer opened={operatorId !== ''} title="Change the role" onClose={props.onClose} query={query}>
      {(now, startAgain) => <RoleForm {...props} now={now} startAgain={startAgain} />}
    </EditDrawer>
  )
}

function RoleForm({
  organizationId,
  onClose,
  now,
  startAgain,
}: Props & { now: Tagged<Member>; startAgain: () => void }) {
  const me = useMe()
  const changed = useMembersChanged(organizationId)
  const proof = useProof()
  const roles = rolesUpTo(useRole(organizationId))
  const [{ item, etag }] = useState(now)
  const [role, setRole] = useState<OrganizationRole>(item.role)
  const isLess = roles.indexOf(role) < roles.indexOf(item.role)
  const save = async (): Promise<void> => {
    if (role !== item.role) {
      const params = { path: { organization_id: organizationId, operator_id: item.id }, header: { 'If-Match': etag } }
      await keepingAnOwner(
        proof(() =>
          ok(api.PATCH('/platform/organizations/{organization_id}/members/{operator_id}', { params, body: { role } })),
        ),
      )
      await changed(item.id)
    }
    onClose()
  }
  return (
    <Form action="Save" run={save} onCancel={onClose} startAgain={startAgain}>
      {(problem) => (
        <>
          <div>
            <Text fw={500} style={{ overflowWrap: 'anywhere' }}>
              {item.name}
            </Text>
            <Text size="sm" className="quiet" style={{ overflowWrap: 'anywhere' }}>
              {item.email}
            </Text>
          </div>
          <RoleInput organizationId={organizationId} value={role} onChange={setRole} error={problem('role')} />
          {item.source === 'oidc' && (
            <Alert color="yellow" title="This role comes from single sign-on">
              It is set again by the groups of your identity provider at the next log-in. A lasting change belongs
              there.
            </Alert>
          )}
          {item.id === me.id && isLess && !me.is_root && (
            <Alert color="yellow" title="This is your own role">
              You can’t give it back to yourself: another owner has to.
            </Alert>
          )}
        </>
      )}
    </Form>
  )
}
