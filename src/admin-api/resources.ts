import type { ResourceRoutes } from './context.ts'
import { analyticsRoutes } from './routes/analytics.ts'
import { apiKeyRoutes } from './routes/api-keys.ts'
import { deliveryRoutes } from './routes/deliveries.ts'
import { eventRoutes } from './routes/events.ts'
import { healthRoutes } from './routes/health.ts'
import { jobRoutes } from './routes/jobs.ts'
import { keyLifecycleRoutes } from './routes/key-lifecycle.ts'
import { keyRevealRoutes } from './routes/key-reveal.ts'
import { keyUsageRoutes } from './routes/key-usage.ts'
import { keyWorkspaceRoutes } from './routes/key-workspaces.ts'
import { meRoutes } from './routes/me.ts'
import { memberLinkRoutes } from './routes/member-link.ts'
import { memberRoutes } from './routes/members.ts'
import { oidcRoutes } from './routes/oidc.ts'
import { operatorRoutes } from './routes/operators.ts'
import { organizationRoutes } from './routes/organizations.ts'
import { policyRoutes } from './routes/policy.ts'
import { requestRoutes } from './routes/requests.ts'
import { serviceAccountRoutes } from './routes/service-accounts.ts'
import { sessionRoutes } from './routes/sessions.ts'
import { settingsRoutes } from './routes/settings.ts'
import { setupRoutes } from './routes/setup.ts'
import { tokenRoutes } from './routes/tokens.ts'
import { webhookRoutes } from './routes/webhooks.ts'
import { workspaceRoutes } from './routes/workspaces.ts'

/** Every resource of the admin API, in the order in which the reference lists them. */
export const resources: readonly ResourceRoutes[] = [
  meRoutes,
  settingsRoutes,
  sessionRoutes,
  tokenRoutes,
  setupRoutes,
  oidcRoutes,
  operatorRoutes,
  organizationRoutes,
  memberRoutes,
  memberLinkRoutes,
  apiKeyRoutes,
  keyLifecycleRoutes,
  keyRevealRoutes,
  keyWorkspaceRoutes,
  keyUsageRoutes,
  workspaceRoutes,
  serviceAccountRoutes,
  jobRoutes,
  webhookRoutes,
  deliveryRoutes,
  requestRoutes,
  eventRoutes,
  analyticsRoutes,
  policyRoutes,
  healthRoutes,
]
