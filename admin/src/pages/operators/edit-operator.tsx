import { Switch } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ok, type Schema } from '../../api/client.ts'
import { useProof } from '../../api/proof.tsx'
import { useMe } from '../../api/session.tsx'
import { type Tagged, useTagged } from '../../api/tagged.ts'
import { EditDrawer, Form } from '../../components/form-drawer.tsx'
import { NameInput } from '../../components/name-input.tsx'

type Operator = Schema<'OperatorRecord'>

/** Changes what somebody is called, and whether they are above all organizations. @param operatorId empty: closed. */
export function EditOperator({ operatorId, onClose }: { operatorId: string; onClose: () => void }) {
  const query = useTagged(
    ['operator', operatorId],
    (signal) => api.GET('/platform/operators/{operator_id}', { params: { path: { operator_id: operatorId } }, signal }),
    { enabled: operatorId !== '' },
  )
  return (
    <EditDrawer opened={operatorId !== ''} title="Edit the operator" onClose={onClose} query={query}>
      {(now, startAgain) => <EditForm now={now} startAgain={startAgain} onClose={onClose} />}
    </EditDrawer>
  )
}

function EditForm({
  now,
  startAgain,
  onClose,
}: {
  now: Tagged<Operator>
  startAgain: () => void
  onClose: () => void
}) {
  const me = useMe()
  const client = useQueryClient()
  const proof = useProof()
  // As it was when somebody began: what is fetched meanwhile must not change under their hands.
  const [{ item, etag }] = useState(now)
  const [name, setName] = useState(item.name)
  const [isRoot, setRoot] = useState(item.is_root)
  const body = {
    ...(name !== item.name && { name }),
    ...(isRoot !== item.is_root && { is_root: isRoot }),
  }
  const save = async (): Promise<void> => {
    if (Object.keys(body).length > 0) {
      const params = { path: { operator_id: item.id }, header: { 'If-Match': etag } }
      await proof(() => ok(api.PATCH('/platform/operators/{operator_id}', { params, body })))
      void client.invalidateQueries({ queryKey: ['operators'] })
      void client.invalidateQueries({ queryKey: ['operator', item.id] })
      if (item.id === me.id) void client.invalidateQueries({ queryKey: ['me'] })
    }
    onClose()
  }
  return (
    <Form action="Save" ready={name.trim() !== ''} run={save} onCancel={onClose} startAgain={startAgain}>
      {(problem) => (
        <>
          <NameInput description={item.email} value={name} onChange={setName} error={problem('name')} data-autofocus />
          <Switch
            label="Root: above every organization"
            description={
              item.id === me.id && item.is_root && !isRoot
                ? 'You will no longer see this page: somebody else with root can give it back.'
                : 'Sees and changes everything, other operators too.'
            }
            checked={isRoot}
            onChange={(event) => setRoot(event.currentTarget.checked)}
          />
        </>
      )}
    </Form>
  )
}
