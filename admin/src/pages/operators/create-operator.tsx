import { Switch, Text, TextInput } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ok, type Schema } from '../../api/client.ts'
import { useOnce } from '../../api/once.ts'
import { useProof } from '../../api/proof.tsx'
import { Form, FormDrawer } from '../../components/form-drawer.tsx'
import { NameInput } from '../../components/name-input.tsx'

interface Props {
  readonly onClose: () => void
  readonly onMade: (link: Schema<'OneTimeLink'>, name: string) => void
}

/** Makes an account, and a link with which its owner sets a password. */
export function CreateOperator({ opened, onClose, onMade }: Props & { opened: boolean }) {
  return (
    <FormDrawer opened={opened} title="Add an operator" onClose={onClose}>
      <CreateForm onClose={onClose} onMade={onMade} />
    </FormDrawer>
  )
}

function CreateForm({ onClose, onMade }: Props) {
  const client = useQueryClient()
  const proof = useProof()
  const once = useOnce()
  const [email, setEmail] = useState('')
  const [name, setName] = useState('')
  const [isRoot, setRoot] = useState(false)

  const add = async (): Promise<void> => {
    const body = { email, name, is_root: isRoot }
    const { invitation } = await once(body, (header) =>
      proof(() => ok(api.POST('/platform/operators', { params: { header }, body }))),
    )
    void client.invalidateQueries({ queryKey: ['operators'] })
    if (invitation === null) onClose()
    else onMade(invitation, name)
  }

  return (
    <Form action="Add and make a link" ready={name.trim() !== '' && email.trim() !== ''} run={add} onCancel={onClose}>
      {(problem) => (
        <>
          <NameInput value={name} onChange={setName} error={problem('name')} data-autofocus />
          <TextInput
            label="E-mail"
            description="They log in with it. Nothing is sent there: you hand the link on yourself."
            type="email"
            value={email}
            onChange={(event) => setEmail(event.currentTarget.value)}
            error={problem('email')}
            maxLength={254}
            autoComplete="off"
            required
          />
          <Switch
            label="Root: above every organization"
            description="Sees and changes everything, other operators too."
            checked={isRoot}
            onChange={(event) => setRoot(event.currentTarget.checked)}
          />
          {!isRoot && (
            <Text size="sm" className="quiet">
              Without root they see nothing until an owner adds them to an organization, under Members.
            </Text>
          )}
        </>
      )}
    </Form>
  )
}
