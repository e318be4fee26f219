import { Center, Loader } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { type ComponentType, type LazyExoticComponent, lazy, Suspense, useRef } from 'react'
import { Redirect, Route, Switch, useLocation } from 'wouter'
import { useIsHeld } from './api/held.ts'
import { isPath } from './api/is-path.ts'
import { ProofProvider } from './api/proof.tsx'
import { type Me, meQuery, SessionProvider } from './api/session.tsx'
import { ErrorNote } from './components/error-note.tsx'
import { PageBoundary } from './components/page-boundary.tsx'
import { PageSkeleton } from './components/page-skeleton.tsx'
import { NotProven } from './pages/log-in/not-proven.tsx'
import { ssoProblem } from './pages/log-in/sso-problem.ts'
import { LogInPage } from './pages/log-in.tsx'
import { OrganizationGate } from './shell/organization-gate.tsx'
import { Shell } from './shell/shell.tsx'

type Page = LazyExoticComponent<ComponentType>

/** Every address of the dashboard. What needs an organization has `/o/:org` in front. */
const organizationPages: Record<string, Page> = {
  '/o/:org': lazy(() => import('./pages/overview.tsx')),
  '/o/:org/keys': lazy(() => import('./pages/keys.tsx')),
  '/o/:org/keys/:key': lazy(() => import('./pages/key.tsx')),
  '/o/:org/requests': lazy(() => import('./pages/requests.tsx')),
  '/o/:org/service-accounts': lazy(() => import('./pages/service-accounts.tsx')),
  '/o/:org/workspaces': lazy(() => import('./pages/workspaces.tsx')),
  '/o/:org/members': lazy(() => import('./pages/members.tsx')),
  '/o/:org/webhooks': lazy(() => import('./pages/webhooks.tsx')),
  '/o/:org/webhooks/:webhook': lazy(() => import('./pages/webhook.tsx')),
  '/o/:org/jobs': lazy(() => import('./pages/jobs.tsx')),
  '/o/:org/jobs/:job': lazy(() => import('./pages/job.tsx')),
  '/o/:org/events': lazy(() => import('./pages/events.tsx')),
  '/o/:org/settings': lazy(() => import('./pages/organization.tsx')),
}

/** About the whole instance: for root alone. */
const rootPages: Record<string, Page> = {
  '/overview': lazy(() => import('./pages/overview.tsx')),
  '/requests': lazy(() => import('./pages/requests.tsx')),
  '/explain': lazy(() => import('./pages/explain.tsx')),
  '/policy': lazy(() => import('./pages/policy.tsx')),
  '/operators': lazy(() => import('./pages/operators.tsx')),
  '/events': lazy(() => import('./pages/events.tsx')),
}

const personalPages: Record<string, Page> = {
  '/organizations': lazy(() => import('./pages/organizations.tsx')),
  '/account': lazy(() => import('./pages/account.tsx')),
  '/welcome': lazy(() => import('./pages/welcome.tsx')),
}

const SetupPage = lazy(() => import('./pages/setup.tsx'))
const HomePage = lazy(() => import('./pages/home.tsx'))
const ForRootPage = lazy(() => import('./pages/for-root.tsx'))
const NotFoundPage = lazy(() => import('./pages/not-found.tsx'))

export function App() {
  const [location] = useLocation()
  const me = useQuery({ ...meQuery, enabled: location !== '/setup' })
  const last = useRef<Me>(undefined)
  if (me.data) last.current = me.data
  // A secret that is on the screen stays there until somebody has it: the log-in waits so long.
  const isHeld = useIsHeld()
  const who = me.data ?? (isHeld ? last.current : undefined)

  if (location === '/setup')
    return (
      <PageBoundary at={location}>
        <Suspense fallback={<Wait />}>
          <SetupPage />
        </Suspense>
      </PageBoundary>
    )
  if (me.isPending) return <Wait />
  // Asked again and not answered: whoever was here still is, and what they have open stays open.
  if (me.isError && me.data === undefined) {
    return (
      <Center h="100vh" p="md">
        <ErrorNote error={me.error} retry={() => void me.refetch()} />
      </Center>
    )
  }
  if (who === undefined) return <LogInPage ended={last.current} />
  if (location === '/login') {
    const problem = ssoProblem(new URLSearchParams(window.location.search))
    return problem === undefined ? <Redirect to={afterLogIn()} replace /> : <NotProven error={problem} />
  }
  return (
    <SessionProvider me={who}>
      <ProofProvider>
        <Shell>
          <PageBoundary at={location}>
            <Suspense fallback={<PageSkeleton />}>
              <OrganizationGate>
                <Switch>
                  <Route path="/" component={HomePage} />
                  {Object.entries({ ...organizationPages, ...personalPages, ...rootPages }).map(([path, component]) => (
                    <Route
                      key={path}
                      path={path}
                      component={Object.hasOwn(rootPages, path) && !who.is_root ? ForRootPage : component}
                    />
                  ))}
                  <Route component={NotFoundPage} />
                </Switch>
              </OrganizationGate>
            </Suspense>
          </PageBoundary>
        </Shell>
      </ProofProvider>
    </SessionProvider>
  )
}

/** Where somebody was going, as long as it is a page of ours. */
function afterLogIn(): string {
  const to = new URLSearchParams(window.location.search).get('to') ?? '/'
  return isPath(to, window.location.origin) ? to : '/'
}

const Wait = () => (
  <Center h="100vh">
    <Loader aria-label="Loading" />
  </Center>
)
