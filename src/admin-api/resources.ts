import type { ResourceRoutes } from './context.ts'
import { organizationRoutes } from './routes/organizations.ts'

/** Every resource of the admin API, in the order in which the reference lists them. */
export const resources: readonly ResourceRoutes[] = [organizationRoutes]
