import { Redirect } from 'wouter'
import { useMe } from '../api/session.tsx'
import { Empty } from '../components/empty.tsx'
import { useOrganizationId } from '../shell/use-organization.ts'

/** The start page: one's organization, or the whole instance. */
export default function HomePage() {
  const me = useMe()
  const organizationId = useOrganizationId()
  if (organizationId !== undefined) return <Redirect to={`/o/${organizationId}`} replace />
  if (me.is_root) return <Redirect to="/overview" replace />
  return (
    <Empty icon="building" title="You are in no organization yet">
      Ask an owner of one to add you: they need your e-mail, {me.email}.
    </Empty>
  )
}
