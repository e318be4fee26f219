import { randomUUID } from 'node:crypto'
import { type Answer, type Call, serve } from '../serve.ts'

/** The classification API: jobs that cost credits. Both belong to the organization, whichever key was used. */

interface Job {
  readonly id: string
  readonly organization: string
  readonly type: string
  readonly key: string
}

const jobs = new Map<string, Job>()
const spent = new Map<string, number>()
const notFound: Answer = { status: 404, body: { error: 'not found' } }

const create =
  (type: string, credits: number) =>
  ({ organization, headers }: Call): Answer => {
    const job = { id: `job_${randomUUID()}`, organization, type, key: String(headers['x-key-id']) }
    jobs.set(job.id, job)
    spent.set(organization, (spent.get(organization) ?? 0) + credits)
    return { status: 202, body: { id: job.id, type, status: 'queued' } }
  }

const ownJob =
  (answer: (job: Job) => unknown) =>
  ({ params, organization }: Call): Answer => {
    const job = jobs.get(params.id ?? '')
    return job?.organization === organization ? { status: 200, body: answer(job) } : notFound
  }

serve('classification API', {
  'POST /v1/classify': create('classify', 1),
  'POST /v1/scan': create('scan', 5),
  'POST /v1/deep-scan': create('deep-scan', 20),
  'GET /v1/jobs/:id': ownJob(({ id, type, key }) => ({ id, type, status: 'completed', created_by_key: key })),
  'GET /v1/jobs/:id/results': ownJob(({ id }) => ({ id, labels: ['example'] })),
  'GET /v1/credits': ({ organization }) => ({ status: 200, body: { balance: 1000 - (spent.get(organization) ?? 0) } }),
  'POST /v1/webhooks': () => ({ status: 201, body: { id: 'wh_1' } }),
  'POST /v1/webhooks/:id/test': ({ params }) => ({ status: 200, body: { id: params.id, delivered: true } }),
})
