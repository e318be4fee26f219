import { Anchor } from '@mantine/core'
import { Link } from 'wouter'
import { Card } from '../components/card.tsx'
import { Empty } from '../components/empty.tsx'
import { Page } from '../components/page.tsx'

/** In the place of pages about the whole instance, for those who may not see them. */
export default function ForRootPage() {
  return (
    <Page title="For root alone">
      <Card>
        <Empty
          icon="policy"
          title="This page is about the whole instance"
          action={
            <Anchor component={Link} href="/" size="sm">
              To your organization
            </Anchor>
          }
        >
          Operators with root see it. If you need it, ask whoever runs this gateway.
        </Empty>
      </Card>
    </Page>
  )
}
