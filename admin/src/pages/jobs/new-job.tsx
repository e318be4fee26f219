import { Button, Menu, Text } from '@mantine/core'
import { Link } from 'wouter'
import { useMe } from '../../api/session.tsx'
import { Confirm } from '../../components/confirm.tsx'
import { FormDrawer } from '../../components/form-drawer.tsx'
import { Icon } from '../../components/icon.tsx'
import { useOrder } from '../keys/bulk.ts'
import { ExportKeys, ExportRequests } from './export-form.tsx'

export type NewJob = 'export-keys' | 'export-requests' | 'encrypt'

/** What can be ordered here; what is about keys one picks begins in their list. */
export function NewJobMenu({ organizationId, onPick }: { organizationId: string; onPick: (job: NewJob) => void }) {
  const me = useMe()
  const keys = `/o/${organizationId}/keys`
  return (
    <Menu position="bottom-end" width={270}>
      <Menu.Target>
        <Button leftSection={<Icon name="plus" />}>New job</Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<Icon name="download" size={16} />} onClick={() => onPick('export-requests')}>
          Export requests…
        </Menu.Item>
        <Menu.Item leftSection={<Icon name="download" size={16} />} onClick={() => onPick('export-keys')}>
          Export keys…
        </Menu.Item>
        <Menu.Item component={Link} href={`${keys}?dialog=import`} leftSection={<Icon name="upload" size={16} />}>
          Import keys…
        </Menu.Item>
        <Menu.Item component={Link} href={keys} leftSection={<Icon name="key" size={16} />}>
          Rotate or revoke many
          <Text size="xs" className="quiet">
            Filter or tick them in their list
          </Text>
        </Menu.Item>
        {me.is_root && (
          <>
            <Menu.Divider />
            <Menu.Item leftSection={<Icon name="policy" size={16} />} onClick={() => onPick('encrypt')}>
              Encrypt secrets anew…
            </Menu.Item>
          </>
        )}
      </Menu.Dropdown>
    </Menu>
  )
}

/** The form of what was picked. */
export function NewJobDialog({
  organizationId,
  job,
  onClose,
  onOrdered,
}: {
  organizationId: string
  job: string
  onClose: () => void
  onOrdered: (jobId: string) => void
}) {
  const me = useMe()
  const order = useOrder(organizationId)
  const parts = { organizationId, onClose, onOrdered }
  return (
    <>
      <FormDrawer opened={job === 'export-keys'} title="Export keys" onClose={onClose}>
        <ExportKeys {...parts} />
      </FormDrawer>
      <FormDrawer opened={job === 'export-requests'} title="Export requests" onClose={onClose}>
        <ExportRequests {...parts} />
      </FormDrawer>
      {me.is_root && job === 'encrypt' && (
        <Confirm
          opened
          onClose={onClose}
          title="Encrypt all secrets anew?"
          action="Encrypt"
          run={async () => onOrdered(await order({ type: 'secret_rotation' }))}
        >
          <Text size="sm">
            Every secret that the gateway keeps, of all organizations, is encrypted with the master key of now. Order
            this after changing SALLYPORT_MASTER_KEY; keep the earlier one in SALLYPORT_MASTER_KEY_OLD until the job has
            said that it is needed no longer. Callers notice nothing.
          </Text>
        </Confirm>
      )}
    </>
  )
}
