import { Button, Group, Modal, Stack, Switch, TextInput } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ok, type Schema } from '../../api/client.ts'
import { fieldProblem } from '../../api/field-problem.ts'
import { useProof } from '../../api/proof.tsx'
import { ErrorNote } from '../../components/error-note.tsx'
import { useSubmit } from '../../components/use-submit.ts'

/** Changes what somebody is called, and whether they are above all organizations. */
export function EditOperator({
  operator,
  isSelf,
  onClose,
}: {
  operator: Schema<'OperatorRecord'>
  isSelf: boolean
  onClose: () => void
}) {
  const client = useQueryClient()
  const proof = useProof()
  const [name, setName] = useState(operator.name)
  const [isRoot, setRoot] = useState(operator.is_root)
  const body = {
    ...(name !== operator.name && { name }),
    ...(isRoot !== operator.is_root && { is_root: isRoot }),
  }

  const { submit, busy, error } = useSubmit(async () => {
    if (Object.keys(body).length === 0) return onClose()
    const params = { path: { operator_id: operator.id } }
    await proof(() => ok(api.PATCH('/platform/operators/{operator_id}', { params, body })))
    void client.invalidateQueries({ queryKey: ['operators'] })
    if (isSelf) void client.invalidateQueries({ queryKey: ['me'] })
    onClose()
  })

  return (
    <Modal opened onClose={onClose} title={`Edit ${operator.name}`}>
      <form onSubmit={submit}>
        <Stack>
          <TextInput
            label="Name"
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            error={fieldProblem(error, 'name')}
            maxLength={200}
            autoComplete="off"
            data-autofocus
            required
          />
          <Switch
            label="Root: above every organization"
            description={
              isSelf && operator.is_root && !isRoot
                ? 'You will no longer see this page: somebody else with root can give it back.'
                : 'Sees and changes everything, other operators too.'
            }
            checked={isRoot}
            onChange={(event) => setRoot(event.currentTarget.checked)}
          />
          {error !== undefined && <ErrorNote error={error} />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={busy} disabled={name.trim() === ''}>
              Save
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
