import { randomUUID } from 'node:crypto'
import { serve } from '../serve.ts'

/** Aether365's API: the scans of a tenant, and the billing pages that keys must never reach. */

const scans: { readonly id: string; readonly organization: string }[] = []

serve('Aether365 API', {
  'GET /tenants/me/scans': ({ organization }) => ({
    status: 200,
    body: { success: true, data: scans.filter((scan) => scan.organization === organization).map(({ id }) => ({ id })) },
  }),
  'POST /tenants/me/scans': ({ organization }) => {
    const id = `scan_${randomUUID()}`
    scans.push({ id, organization })
    return { status: 201, body: { success: true, data: { id } } }
  },
  'GET /tenants/me/billing/invoices': () => ({ status: 200, body: { success: true, data: ['an invoice'] } }),
  'PUT /tenants/me/plan': () => ({ status: 200, body: { success: true, data: 'changed' } }),
})
