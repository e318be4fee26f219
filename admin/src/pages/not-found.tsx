import { Anchor } from '@mantine/core'
import { Link } from 'wouter'
import { Empty } from '../components/empty.tsx'

export default function NotFoundPage() {
  return (
    <Empty
      icon="search"
      title="There is no such page"
      action={
        <Anchor component={Link} href="/">
          To the start page
        </Anchor>
      }
    >
      The address may be of another version, or of something that you may not see.
    </Empty>
  )
}
