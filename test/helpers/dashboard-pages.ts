import type { DashboardWorld } from './dashboard-world.ts'

/** Every page of the dashboard that root can see, by a name for its picture. `in front` are those without a log-in. */
export function dashboardPages({ organizationId, keys, ids }: DashboardWorld): Readonly<Record<string, string>> {
  const org = `/o/${organizationId}`
  return {
    overview: `${org}?range=24h`,
    keys: `${org}/keys`,
    'create-key': `${org}/keys?dialog=create`,
    key: `${org}/keys/${keys.rotated.id}`,
    'key-revoked': `${org}/keys/${keys.revoked.id}`,
    'edit-key': `${org}/keys/${keys.reader.id}?dialog=edit`,
    'revoke-key': `${org}/keys/${keys.reader.id}?dialog=revoke`,
    'rotate-key': `${org}/keys/${keys.reader.id}?dialog=rotate`,
    requests: `${org}/requests`,
    'requests-before': `${org}/requests?until=${new Date(Date.now() - 2 * 86_400_000).toISOString()}`,
    'request-refused': `${org}/requests?request=${ids.request}`,
    'service-accounts': `${org}/service-accounts`,
    workspaces: `${org}/workspaces`,
    members: `${org}/members`,
    webhooks: `${org}/webhooks`,
    webhook: `${org}/webhooks/${ids.webhook}`,
    jobs: `${org}/jobs`,
    job: `${org}/jobs/${ids.job}`,
    events: `${org}/events`,
    settings: `${org}/settings`,
    'instance-overview': '/overview?range=30d',
    policy: '/policy',
    explain: '/explain',
    'explain-refused': '/explain?method=POST&path=/api/v1/projects/prj_42/runs&scopes=projects:read&workspaces=prj_42',
    'all-requests': '/requests',
    organizations: '/organizations',
    'create-organization': '/organizations?dialog=create',
    operators: '/operators',
    'instance-events': '/events',
    account: '/account',
    welcome: '/welcome',
    'not-found': `${org}/nowhere`,
  }
}
