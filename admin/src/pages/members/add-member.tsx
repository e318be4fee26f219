import { TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useState } from 'react'
import { api, ok, type Schema } from '../../api/client.ts'
import { useOnce } from '../../api/once.ts'
import { useProof } from '../../api/proof.tsx'
import { Form, FormDrawer } from '../../components/form-drawer.tsx'
import { NameInput } from '../../components/name-input.tsx'
import { type OrganizationRole, RoleInput } from '../../components/role.tsx'
import { useMembersChanged } from './use-members.ts'

interface Props {
  readonly organizationId: string
  readonly onClose: () => void
  /** Somebody who has no account yet: the link with which they set a password. */
  readonly onMade: (link: Schema<'OneTimeLink'>, name: string) => void
}

/** Lets somebody in: who has an account by it, who has none by a one-time link. */
export function AddMember({ opened, ...props }: Props & { opened: boolean }) {
  return (
    <FormDrawer opened={opened} title="Add a member" onClose={props.onClose}>
      <AddForm {...props} />
    </FormDrawer>
  )
}

function AddForm({ organizationId, onClose, onMade }: Props) {
  const changed = useMembersChanged(organizationId)
  const proof = useProof()
  const once = useOnce()
  const [email, setEmail] = useState('')
  const [name, setName] = useState('')
  const [role, setRole] = useState<OrganizationRole>('viewer')
  const add = async (): Promise<void> => {
    const body = { email: email.trim(), role, ...(name.trim() !== '' && { name: name.trim() }) }
    const path = { organization_id: organizationId }
    const { invitation, ...member } = await once(body, (header) =>
      proof(() =>
        ok(api.POST('/platform/organizations/{organization_id}/members', { params: { path, header }, body })),
      ),
    )
    void changed(member.id)
    if (invitation !== null) return onMade(invitation, member.name)
    notifications.show({ message: `${member.name} is in, with the account that they have already.` })
    onClose()
  }
  return (
    <Form action="Add" ready={email.trim() !== ''} run={add} onCancel={onClose}>
      {(problem) => (
        <>
          <TextInput
            label="E-mail"
            description="Nothing is sent there: whoever has no account yet gets a one-time link, which you hand on yourself."
            type="email"
            value={email}
            onChange={(event) => setEmail(event.currentTarget.value)}
            error={problem('email')}
            maxLength={254}
            autoComplete="off"
            data-autofocus
            required
          />
          <NameInput
            description="For a new account; left out, it is what stands before the @."
            value={name}
            onChange={setName}
            error={problem('name')}
            required={false}
          />
          <RoleInput organizationId={organizationId} value={role} onChange={setRole} error={problem('role')} />
        </>
      )}
    </Form>
  )
}
