import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { Agent } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { adminConfig } from '../helpers/admin.ts'
import { createActors } from '../helpers/api-actors.ts'
import { type ApiCall, callApi } from '../helpers/api-call.ts'
import { createCaller } from '../helpers/api-fuzz.ts'
import { createPopulation } from '../helpers/api-population.ts'
import { eventually } from '../helpers/eventually.ts'
import { spawnGateway } from '../helpers/gateway-process.ts'
import { type Answer, fetchOpenApi, type Operation } from '../helpers/openapi-document.ts'
import { startWebhookTarget } from '../helpers/webhook-target.ts'

// To repeat a run: FUZZ_SEED=… npx vitest run test/admin-api/fuzz.test.ts
const seed = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31))
const calls = Number(process.env.FUZZ_CALLS ?? 5000)

it(`${calls} calls of every shape end with no fault and with answers that the document declares (seed ${seed})`, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-fuzz-'))
  await using _folder = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) }
  const configFile = join(folder, 'gateway.yaml')
  await writeFile(configFile, config)
  const adminToken = 'a'.repeat(64)
  await using target = await startWebhookTarget()
  await using gateway = await spawnGateway(configFile, { SALLYPORT_ADMIN_TOKEN: adminToken })
  const document = await fetchOpenApi(gateway.adminUrl)
  using agent = Object.assign(new Agent({ keepAlive: true, maxSockets: 8 }), {
    [Symbol.dispose]: () => agent.destroy(),
  })

  const main = new Set<string>()
  const population = createPopulation(document.operations, main)
  const actors = createActors(gateway.adminUrl, adminToken)
  const caller = createCaller({ document, population, actors, targetUrl: target.url, origin: gateway.adminUrl })
  const tally = new Map(document.operations.map(({ id }) => [id, new Map<number, number>()]))
  const wrong = new Map<string, string>()

  const judge = (operation: Operation, call: ApiCall, answer: Answer, isCrowd = false): void => {
    const counts = tally.get(operation.id)
    counts?.set(answer.status, (counts.get(answer.status) ?? 0) + 1)
    const found = document.violation(operation, answer) ?? beyondTheSchema(answer)
    // Of several at once some may be asked to come back.
    const isTurnedAway = isCrowd && answer.status === 503 && 'retry-after' in answer.headers
    if (found === undefined && (answer.status < 500 || isTurnedAway)) return
    const what = `${operation.id}: ${found ?? `status ${answer.status}`}`
    if (!wrong.has(what))
      wrong.set(what, `${what}\n    ${shown(call)}\n    → ${answer.status} ${answer.text.slice(0, 600)}`)
  }

  // Something to work on, made by the same calls.
  for (const name of ['Main', 'Other']) {
    const create = operationOf(document.operations, 'createOrganization')
    const headers = { ...actors.root.headers, 'content-type': 'application/json' }
    const call = { method: 'POST', path: create.path, headers, body: JSON.stringify({ name }) }
    const answer = await callApi(gateway.adminUrl, call, agent)
    population.learn(create, {}, create.path, answer)
    main.add(JSON.parse(answer.text).id)
  }
  const [mainId = ''] = main
  // A job can be cancelled for a moment only, which chance would miss: here the last of several that wait for each other.
  const asRoot = async (id: string, path: string, params: Record<string, string>, body?: object): Promise<Answer> => {
    const operation = operationOf(document.operations, id)
    const headers = { ...actors.root.headers, 'content-type': 'application/json' }
    const call = { method: operation.method, path, headers, ...(body && { body: JSON.stringify(body) }) }
    const answer = await callApi(gateway.adminUrl, call, agent)
    judge(operation, call, answer)
    population.learn(operation, params, path, answer)
    return answer
  }
  const inMain = { organization_id: mainId }
  const jobs = `/platform/organizations/${mainId}/jobs`
  const data = Array.from({ length: 300 }, (_, line) => `{"name":"Line ${line}"}`).join('\n')
  const order = { type: 'key_import', params: { format: 'jsonl', data } }
  const ordered = await Promise.all(Array.from({ length: 5 }, () => asRoot('createJob', jobs, inMain, order)))
  const last =
    ordered
      .map(({ text }) => String(JSON.parse(text).id))
      .sort()
      .at(-1) ?? ''
  // Either a key or scopes that are declared, and not both: chance gets that right in most runs, not in all.
  await asRoot('explainPolicy', '/platform/policy/explain', {}, { method: 'GET', path: '/', scopes: [] })
  await asRoot('cancelJob', `${jobs}/${last}/cancel`, { organization_id: mainId, job_id: last }, {})
  // A link is for somebody who has not come in yet, whom the calls to come may let in or remove.
  const members = `/platform/organizations/${mainId}/members`
  const invited = await asRoot('addMember', members, inMain, { email: 'late@example.com', role: 'viewer' })
  const member = { ...inMain, operator_id: String(JSON.parse(invited.text).id) }
  await asRoot('createMemberLink', `${members}/${member.operator_id}/link`, member)
  // No call here makes a row of the request log: requests on the data plane do.
  const made = await asRoot('createApiKey', `/platform/organizations/${mainId}/api-keys`, inMain, { name: 'Caller' })
  const authorization = `Bearer ${JSON.parse(made.text).raw_key}`
  expect((await fetch(`${gateway.dataUrl}/api/v1/me`, { headers: { authorization } })).status).toBe(200)
  await eventually('the row of a request to be listed', async () => {
    const rows = await asRoot('listOrganizationRequests', `/platform/organizations/${mainId}/requests`, inMain)
    return rows.text !== '[]'
  })
  await actors.refill(mainId)

  const has = (from: number, to: number) => (id: string) =>
    [...(tally.get(id) ?? [])].some(([status]) => status >= from && status < to)
  // Those of an identity provider redirect, and there is none; all others have to be seen at work.
  const unseen = () => [...tally.keys()].filter((id) => !/oidc/i.test(id) && !has(200, 300)(id))
  const callSome = (until: () => boolean) =>
    fc.assert(
      fc.asyncProperty(fc.gen(), async (draw) => {
        if (until()) return
        await actors.refill(mainId)
        const { operation, call, params, actor, times } = caller.next(draw, tally)
        const sent = Array.from({ length: times }, () => callApi(gateway.adminUrl, call, agent))
        for (const answer of await Promise.all(sent)) {
          judge(operation, call, answer, times > 1)
          if (answer.status === 401) actors.drop(actor)
          population.learn(operation, params, call.path.split('?', 1)[0] ?? '', answer)
        }
      }),
      // What fails depends on everything before it: there is nothing to shrink, and the list below tells it all.
      { numRuns: calls, seed, endOnFailure: true },
    )
  const startedAt = performance.now()
  await callSome(() => false)
  // Chance may leave out what needs something else to be there first.
  await callSome(() => unseen().length === 0)
  const seconds = (performance.now() - startedAt) / 1000

  const statuses = [...tally.values()].flatMap((counts) => [...counts])
  const total = statuses.reduce((sum, [, count]) => sum + count, 0)
  const good = statuses.reduce((sum, [status, count]) => sum + (status < 400 ? count : 0), 0)
  const ids = [...tally.keys()]
  console.log(
    `fuzz: seed ${seed}, ${total} calls in ${seconds.toFixed(1)} s, ${((100 * good) / total).toFixed(1)} % succeeded, ` +
      `${ids.length} operations; without success: ${unseen().join(', ') || 'none'}`,
  )

  if (process.env.FUZZ_TALLY) {
    for (const [id, counts] of tally) console.log(id, Object.fromEntries([...counts].sort()))
  }

  expect([...wrong.values()].join('\n')).toBe('')
  expect(gateway.child.exitCode).toBe(null)
  expect(
    gateway
      .output()
      .split('\n')
      .filter((line) => /"level":(?:50|60)|fault/.test(line)),
  ).toEqual([])
  expect(ids.filter((id) => !has(100, 600)(id))).toEqual([])
  expect(good / total).toBeGreaterThan(0.2)
  expect(unseen()).toEqual([])
}, 600_000)

/** What holds for every answer and no schema says. */
function beyondTheSchema({ status, headers, text }: Answer): string | undefined {
  if (headers['x-request-id'] === undefined) return 'no X-Request-Id'
  if (headers['cache-control'] !== 'no-store') return 'may be cached'
  if (/node_modules|\bat .+\.ts:\d+|SQLITE_|kysely/i.test(text)) return 'tells of our insides'
  if (status < 400) return undefined
  const { request_id: id, status: said } = JSON.parse(text) as { request_id: string; status: number }
  return id === headers['x-request-id'] && said === status ? undefined : 'the problem is about another answer'
}

const shown = ({ method, path, headers, body }: ApiCall): string =>
  `${method} ${path} ${JSON.stringify(headers)} ${body?.slice(0, 500) ?? ''}`

function operationOf(operations: readonly Operation[], id: string): Operation {
  const found = operations.find((operation) => operation.id === id)
  if (found === undefined) throw new Error(`the document has no operation ${id}`)
  return found
}

// A proxy that is trusted, so that callers have addresses of their own: the throttle of log-ins would end the run early.
const config = `listen: 127.0.0.1:0
admin: { listen: 127.0.0.1:0 }
store: sqlite:sallyport.db
trust_proxy: [127.0.0.0/8]
keys: { reveal: true }
webhooks: { allow_private: true }
log: { level: warn }
${adminConfig}`
