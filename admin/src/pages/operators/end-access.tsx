import { notifications } from '@mantine/notifications'
import { useQueryClient } from '@tanstack/react-query'
import { api, ok, type Schema } from '../../api/client.ts'
import { useOnce } from '../../api/once.ts'
import { useProof } from '../../api/proof.tsx'
import { Confirm } from '../../components/confirm.tsx'

interface Props {
  readonly operator: Schema<'OperatorRecord'>
  readonly onClose: () => void
}

/** Ends all that somebody is logged in with, and makes a link to set a new password. */
export function ResetPassword({
  operator: { id, name, email },
  onClose,
  onMade,
}: Props & { onMade: (link: Schema<'OneTimeLink'>) => void }) {
  const client = useQueryClient()
  const proof = useProof()
  const once = useOnce()
  return (
    <Confirm
      opened
      onClose={onClose}
      title={`Reset the password of ${name}?`}
      action="Reset and make a link"
      run={async () => {
        const link = await once(id, (header) =>
          proof(() =>
            ok(
              api.POST('/platform/operators/{operator_id}/reset-password', {
                params: { path: { operator_id: id }, header },
              }),
            ),
          ),
        )
        void client.invalidateQueries({ queryKey: ['operators'] })
        onMade(link)
      }}
    >
      Every session and personal token of {email} ends at once, and the password with them. You get a link to hand on,
      with which they set a new one.
    </Confirm>
  )
}

/** Takes an account away. What it has made stays. */
export function DeleteOperator({ operator: { id, name, email }, onClose }: Props) {
  const client = useQueryClient()
  return (
    <Confirm
      opened
      onClose={onClose}
      title={`Delete ${name}?`}
      action="Delete"
      typed={email}
      run={async () => {
        await ok(api.DELETE('/platform/operators/{operator_id}', { params: { path: { operator_id: id } } }))
        void client.invalidateQueries({ queryKey: ['operators'] })
        notifications.show({ message: `${name} is deleted.` })
      }}
    >
      They are logged out at once and in no organization any more; their personal tokens stop working. API keys that
      they have made go on working until somebody revokes them, and the events keep what they did.
    </Confirm>
  )
}
