import { Group, Select } from '@mantine/core'
import { type Job, jobNames, jobStatuses, jobTypes } from './job-words.ts'

/** What to look for among the jobs. */
export function JobFilters({
  filter: { type, status },
  onChange,
}: {
  filter: { readonly type?: Job['type']; readonly status?: Job['status'] }
  onChange: (change: { type?: string; status?: string }) => void
}) {
  return (
    <Group gap="xs" role="search">
      <Select
        aria-label="Kind of job"
        placeholder="Any kind"
        data={jobTypes.map((value) => ({ value, label: jobNames[value] }))}
        value={type ?? null}
        onChange={(next) => onChange({ type: next ?? '' })}
        clearable
        w={{ base: half, xs: 220 }}
      />
      <Select
        aria-label="Status"
        placeholder="Any status"
        data={jobStatuses.map((value) => ({ value, label: `${value.charAt(0).toUpperCase()}${value.slice(1)}` }))}
        value={status ?? null}
        onChange={(next) => onChange({ status: next ?? '' })}
        clearable
        w={{ base: half, xs: 150 }}
      />
    </Group>
  )
}

const half = 'calc(50% - 5px)'
