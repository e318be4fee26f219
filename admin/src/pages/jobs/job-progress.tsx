import { Progress, Text } from '@mantine/core'
import { isUnderWay, type Job, jobNames, percentOf, progressText } from './job-words.ts'

/** How far a job is. Where nobody knows how much there is, the bar moves and says nothing. */
export function JobProgress({ job, size = 'sm' }: { job: Job; size?: 'sm' | 'lg' }) {
  const percent = percentOf(job)
  const live = isUnderWay(job)
  const colour = job.status === 'failed' ? 'red' : job.status === 'cancelled' ? 'gray' : 'harbour'
  return (
    <>
      <Text size={size === 'sm' ? 'xs' : 'sm'} className="quiet numbers" mb={4}>
        {job.status === 'pending' ? 'waits for its turn' : progressText(job)}
        {percent !== undefined && live && job.status === 'running' && ` · ${Math.floor(percent)} %`}
      </Text>
      <Progress
        size={size}
        value={percent ?? (live && job.status === 'running' ? 100 : 0)}
        color={colour}
        animated={live && job.status === 'running'}
        striped={percent === undefined && live}
        aria-label={`Progress: ${jobNames[job.type]}`}
      />
    </>
  )
}
