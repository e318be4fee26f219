import { api, ok, type Schema } from '../../api/client.ts'
import { useOnce } from '../../api/once.ts'
import { useProof } from '../../api/proof.tsx'
import { Confirm } from '../../components/confirm.tsx'
import type { Member } from './use-members.ts'

/** Another link for somebody who has not come yet: the first was lost, or is too old. */
export function LinkAgain({
  member: { id, organization_id, name, email },
  onClose,
  onMade,
}: {
  member: Member
  onClose: () => void
  onMade: (link: Schema<'OneTimeLink'>, name: string) => void
}) {
  const proof = useProof()
  const once = useOnce()
  return (
    <Confirm
      opened
      onClose={onClose}
      title={`Another link for ${name}?`}
      action="Make the link"
      isHarmless
      run={async () => {
        const path = { organization_id, operator_id: id }
        const link = await once(id, (header) =>
          proof(() =>
            ok(
              api.POST('/platform/organizations/{organization_id}/members/{operator_id}/link', {
                params: { path, header },
              }),
            ),
          ),
        )
        onMade(link, name)
      }}
    >
      {email} has not set a password yet. The link of before ends: if it is still on its way, send this one instead.
    </Confirm>
  )
}
