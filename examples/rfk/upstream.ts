import { type Call, serve } from '../serve.ts'

/** The rfk platform's API: analyses and cases, with the project of the path as the gateway has let it through. */

const caller = ({ headers, organization }: Call) => ({
  organization_id: organization,
  key_id: headers['x-key-id'],
  service_account_id: headers['x-service-account-id'] ?? null,
  workspace_id: headers['x-workspace-id'] ?? null,
})

serve('rfk API', {
  'POST /api/v1/analysis/validate': (call) => ({ status: 200, body: { valid: true, caller: caller(call) } }),
  'GET /api/v1/projects': (call) => ({ status: 200, body: { projects: [], caller: caller(call) } }),
  'GET /api/v1/projects/:id': (call) => ({ status: 200, body: { id: call.params.id, caller: caller(call) } }),
  'POST /api/v1/projects/:id/analysis': (call) => ({ status: 202, body: { status: 'queued', caller: caller(call) } }),
  'POST /api/v1/projects/:id/cases': (call) => ({ status: 201, body: { id: 'case_1', caller: caller(call) } }),
  'PUT /api/v1/settings/:name': (call) => ({ status: 200, body: { name: call.params.name, caller: caller(call) } }),
})
