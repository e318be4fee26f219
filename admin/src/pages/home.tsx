import { useEffect, useState } from 'react'
import { Redirect } from 'wouter'
import { useMe } from '../api/session.tsx'
import { forgetWayBack, wayBack } from '../api/way-back.ts'
import { Empty } from '../components/empty.tsx'
import { PageSkeleton } from '../components/page-skeleton.tsx'
import { useOrganization } from '../shell/organization-switcher.tsx'
import { useOnlyOrganization, useOrganizationId } from '../shell/use-organization.ts'

/** The start page: where single sign-on had begun, one's organization, or the whole instance. */
export default function HomePage() {
  const me = useMe()
  const organizationId = useOrganizationId()
  const organization = useOrganization(organizationId)
  const only = useOnlyOrganization()
  const [way] = useState(wayBack)
  useEffect(forgetWayBack, [])
  if (way !== undefined) return <Redirect to={way} replace />
  // The one that root saw last may be no more: it is asked for before anybody is sent there.
  if (only.isLoading || (organizationId !== undefined && organization.isPending)) return <PageSkeleton />
  if (organizationId !== undefined) return <Redirect to={`/o/${organizationId}`} replace />
  if (me.is_root) return <Redirect to="/overview" replace />
  return (
    <Empty icon="building" title="You are in no organization yet">
      Ask an owner of one to add you: they need your e-mail, {me.email}.
    </Empty>
  )
}
