import { Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQuery } from '@tanstack/react-query'
import { api, ok } from '../../api/client.ts'
import { Confirm } from '../../components/confirm.tsx'
import { type ServiceAccount, useAccountsChanged } from './account-form.tsx'

/** Switches an account on or off; its keys go with it, and come back with it. */
export function useSwitch(): (account: ServiceAccount, isActive: boolean) => Promise<void> {
  return async ({ id, organization_id }, isActive) => {
    const params = { path: { organization_id, sa_id: id } }
    await ok(
      api.PATCH('/platform/organizations/{organization_id}/service-accounts/{sa_id}', {
        params,
        body: { is_active: isActive },
      }),
    )
  }
}

export function SwitchOff({ account, onClose }: { account: ServiceAccount; onClose: () => void }) {
  const change = useSwitch()
  const changed = useAccountsChanged(account.organization_id)
  return (
    <Confirm
      opened
      onClose={onClose}
      title={`Switch “${account.name}” off?`}
      action="Switch off"
      run={async () => {
        await change(account, false)
        notifications.show({ message: `${account.name} is off: its keys are refused.` })
        await changed()
      }}
    >
      <Text size="sm">
        <ActiveKeys account={account} /> refused with 401 from the next request on. Nothing is lost: switched on again,
        the same keys work as before.
      </Text>
    </Confirm>
  )
}

/** How many callers it is about. */
function ActiveKeys({ account: { id, organization_id } }: { account: ServiceAccount }) {
  const { data } = useQuery({
    queryKey: ['keys', organization_id, 'of', id],
    queryFn: ({ signal }) =>
      ok(
        api.GET('/platform/organizations/{organization_id}/api-keys', {
          params: { path: { organization_id }, query: { owner: id, status: 'active', limit: String(countMax) } },
          signal,
        }),
      ),
  })
  if (data === undefined) return 'Its keys are'
  if (data.length === 0) return 'It has no active keys now. Any that it gets would be'
  if (data.length === 1) return `Its one active key (${data[0]?.name}) is`
  return `Its ${data.length === countMax ? `${countMax} or more` : data.length} active keys are`
}

const countMax = 200
