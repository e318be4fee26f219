import { testActor } from '../helpers/gateway.ts'
import { type Outcome, startWatched, type Watched } from '../helpers/oracles.ts'
import type { RawResponse } from '../helpers/raw-client.ts'
import { parseList } from '../helpers/structured-fields.ts'
import { dissenters, type Rule } from '../security/interpreters.ts'
import type { Attempt } from './grammar.ts'

/** A gateway that attempts are tried on, batch by batch. */
export interface Trial extends AsyncDisposable {
  /** Sends all of them at once, each on a connection of its own, and holds them to O1–O6. @throws with what was sent. */
  attempt(batch: readonly Attempt[]): Promise<void>
  /** Answers by status, and how often there was none. */
  readonly verdicts: ReadonlyMap<string, number>
  /** Some of those that had no answer, as JSON. */
  readonly unanswered: readonly string[]
}

const paths = [
  ...['/api/*', '/open/*', '/admin/*', '/v1/:id', '/v1/:id/admin', '/projects/:id/*', '/limited/*', '/Mixed/*'],
  ...['/caf%C3%A9/*', '/'],
]
const rules: Rule[] = [...paths, '/.witness'].map((path) => ({ path, rule: path }))

const routes = `
  - { path: /api/*, upstream: api, forward_authorization: false }
  - { path: /open/*, upstream: api, public: true }
  - { path: /admin/*, deny: true }
  - { path: '/v1/:id', upstream: api }
  - { path: '/v1/:id/admin', deny: true }
  - { path: '/projects/:id/*', upstream: api, workspace: ':id' }
  - { path: /limited/*, upstream: api, limits: [a, "b-2"] }
  - { path: /Mixed/*, upstream: api }
  - { path: /caf%C3%A9/*, upstream: api, public: true }
  - { path: /, upstream: api }
`
const top = `
limits:
  a: { by: key, requests: 100, per: 1s }
  b-2: { by: [ip, route], requests: 1000000, per: 1d }
timeouts: { head: 500ms, body_idle: 500ms, keep_alive: 1s }
`

/** Its gateway keeps every byte it saw; after so many attempts a new one takes its place. */
const attemptsPerGateway = 4000

export function startTrial(): Trial {
  const verdicts = new Map<string, number>()
  const unanswered: string[] = []
  let watched: Watched | undefined
  let attempted = 0

  async function gateway(): Promise<Watched> {
    if (watched !== undefined && attempted < attemptsPerGateway) return watched
    const old = watched
    watched = undefined
    await old?.[Symbol.asyncDispose]()
    attempted = 0
    watched = await startWatched(routes, { top })
    const { store, organization } = watched.gateway
    const one = { organizationId: organization.id, name: 'One', externalId: 'one' }
    const workspace = await store.createWorkspace(one, testActor)
    await store.grantWorkspace(organization.id, watched.key.record.id, workspace.id, testActor)
    return watched
  }

  return {
    verdicts,
    unanswered,
    async attempt(batch) {
      const on = await gateway()
      attempted += batch.length
      try {
        const outcomes = await Promise.all(batch.map((each) => send(on, each)))
        for (const [index, { responses }] of outcomes.entries()) {
          count(responses)
          if (responses.length === 0 && unanswered.length < 10) unanswered.push(JSON.stringify(batch[index]))
        }
        const { requests, lines } = await on.verify(...outcomes)
        for (const request of requests) {
          const path = request.target.split('?', 1)[0] ?? ''
          const id = request.header('x-request-id')
          const line = lines.find((each) => each.request_id === id && each.path === path && each.upstream_ms !== null)
          if (line === undefined) throw new Error(`O3: no row has judged ${path}`)
          const others = dissenters(rules, path, line.route ?? '')
          if (others.length > 0) throw new Error(`O3: judged by ${line.route}, but ${others.join('; ')}`)
        }
      } catch (error) {
        // What is left over of it must not be laid to the next one's charge.
        watched = undefined
        await Promise.resolve(on[Symbol.asyncDispose]()).catch(() => {})
        throw error
      }
    },
    async [Symbol.asyncDispose]() {
      await watched?.[Symbol.asyncDispose]()
    },
  }

  function count(responses: readonly RawResponse[]): void {
    const seen = responses.length === 0 ? ['none'] : responses.map(({ status }) => String(status))
    for (const verdict of seen) verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1)
    for (const response of responses) {
      for (const name of ['ratelimit', 'ratelimit-policy']) {
        const value = response.header(name)
        if (value !== undefined && parseList(value).length === 0) throw new Error(`${name} is empty`)
      }
    }
  }
}

function send(watched: Watched, { text, cuts, methods }: Attempt): Promise<Outcome> {
  const { gateway, key } = watched
  const whole = `${text}${lastRequest}`
    .replaceAll('{auth}', `Authorization: Bearer ${key.raw}`)
    .replaceAll('{host}', `Host: ${gateway.host}`)
    .replaceAll('{authority}', gateway.host)
    .replaceAll('{key}', key.raw)
  const places = [0, ...cuts.map((cut) => Math.floor((cut * whole.length) / 1000)), whole.length]
  const writes = places.slice(1).map((to, at) => whole.slice(places[at], to))
  return watched.attempt(
    writes.filter((each) => each !== ''),
    { methods, toEnd: true, withinMs: 20_000 },
  )
}

/** Ends what is well-formed before it; what is not swallows it, and ends by an error or in time. */
const lastRequest = 'GET /last HTTP/1.1\r\n{host}\r\nConnection: close\r\n\r\n'
