import { Anchor } from '@mantine/core'
import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { ApiError } from '../api/client.ts'
import { Card } from '../components/card.tsx'
import { Empty } from '../components/empty.tsx'
import { Page } from '../components/page.tsx'
import { useOrganization } from './organization-switcher.tsx'
import { useScope } from './use-organization.ts'

/** In the place of pages of an organization that is not there, or that one has nothing to do with. */
export function OrganizationGate({ children }: { children: ReactNode }) {
  const { error } = useOrganization(useScope())
  if (!(error instanceof ApiError && error.status === 404)) return children
  return (
    <Page title="No such organization">
      <Card>
        <Empty
          icon="building"
          title="There is no such organization for you"
          action={
            <Anchor component={Link} href="/" size="sm">
              To the start page
            </Anchor>
          }
        >
          It was deleted, you are no longer a member of it, or the address is mistyped. An owner can add you again.
        </Empty>
      </Card>
    </Page>
  )
}
