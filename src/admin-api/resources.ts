import type { ResourceRoutes } from './context.ts'
import { apiKeyRoutes } from './routes/api-keys.ts'
import { deliveryRoutes } from './routes/deliveries.ts'
import { keyLifecycleRoutes } from './routes/key-lifecycle.ts'
import { keyRevealRoutes } from './routes/key-reveal.ts'
import { keyUsageRoutes } from './routes/key-usage.ts'
import { keyWorkspaceRoutes } from './routes/key-workspaces.ts'
import { organizationRoutes } from './routes/organizations.ts'
import { serviceAccountRoutes } from './routes/service-accounts.ts'
import { webhookRoutes } from './routes/webhooks.ts'
import { workspaceRoutes } from './routes/workspaces.ts'

/** Every resource of the admin API, in the order in which the reference lists them. */
export const resources: readonly ResourceRoutes[] = [
  organizationRoutes,
  apiKeyRoutes,
  keyLifecycleRoutes,
  keyRevealRoutes,
  keyWorkspaceRoutes,
  keyUsageRoutes,
  workspaceRoutes,
  serviceAccountRoutes,
  webhookRoutes,
  deliveryRoutes,
]
