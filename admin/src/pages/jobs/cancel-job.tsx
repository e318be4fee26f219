import { notifications } from '@mantine/notifications'
import { useQueryClient } from '@tanstack/react-query'
import { api, ok } from '../../api/client.ts'
import { Confirm } from '../../components/confirm.tsx'
import { type Job, jobNames } from './job-words.ts'

/** Ends a job that is under way. What it has done stays done. */
export function CancelJob({ job: { id, organization_id, type }, onClose }: { job: Job; onClose: () => void }) {
  const client = useQueryClient()
  return (
    <Confirm
      opened
      onClose={onClose}
      title={`Cancel “${jobNames[type]}”?`}
      action="Cancel the job"
      run={async () => {
        const path = { organization_id, job_id: id }
        const { status } = await ok(
          api.POST('/platform/organizations/{organization_id}/jobs/{job_id}/cancel', { params: { path }, body: {} }),
        )
        const done = status === 'cancelled' ? 'It is cancelled.' : 'It ends at its next step.'
        notifications.show({ message: status === 'completed' ? 'It was finished already.' : done })
        void client.invalidateQueries({ queryKey: ['jobs', organization_id] })
        await client.invalidateQueries({ queryKey: ['job', organization_id, id] })
      }}
    >
      What it has done up to now stays done; the rest is left as it is. A cancelled job can’t go on: order it again.
    </Confirm>
  )
}
