import { Skeleton, Stack } from '@mantine/core'

/** The shape of a page while it comes, so that nothing jumps when it is there. */
export function PageSkeleton() {
  return (
    <Stack aria-busy="true" aria-label="Loading">
      <Skeleton h={34} w={240} />
      <Skeleton h={18} w={420} maw="100%" />
      <Skeleton h={320} mt="md" />
    </Stack>
  )
}
