import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Gateway, type RequestOptions, startGateway, type TestKey } from '../helpers/gateway.ts'
import { plainResponse, type RawUpstream, startRawUpstream } from '../helpers/raw-upstream.ts'

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const good = `00-${traceId}-00f067aa0ba902b7-01`

let upstream: RawUpstream
let gateway: Gateway
let key: TestKey
let lines: Record<string, unknown>[] = []

const config = (top = '') => `
${top}
log: { level: info, requests: true }
upstreams: { api: { targets: ['${upstream.url}'] } }
routes:
  - { path: /api/*, upstream: api }
  - { path: /open/*, upstream: api, public: true }
`

beforeAll(async () => {
  upstream = await startRawUpstream()
  gateway = await startGateway(config(), { logTo: { write: (line) => void lines.push(JSON.parse(line)) } })
  key = await gateway.createKey()
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})
beforeEach(() => {
  upstream.forget()
  upstream.respond(plainResponse())
  lines = []
})

type Fields = NonNullable<RequestOptions['headers']>

/** What the API was told, and the line of the log. */
async function send(headers: Fields, path = '/api/x') {
  const answer = await gateway.request('GET', path, { headers, key })
  const [line] = lines.filter(({ msg }) => msg === 'request')
  const request = upstream.requests.at(-1)
  const told = { traceparent: request?.headerAll('traceparent'), tracestate: request?.headerAll('tracestate') }
  return { answer, line, told }
}

const reload = async (top: string): Promise<void> => {
  await gateway.writeConfig(config(top))
  expect(await gateway.app.reload()).toEqual({ ok: true })
}

describe('where nothing is recorded', () => {
  it.each([
    ['/api/x', 'with a key'],
    ['/open/x', 'on a public route'],
  ])('what is valid goes on as it came: %s, %s', async (path) => {
    const { answer, told, line } = await send({ traceparent: good, tracestate: 'a=1, b=2' }, path)
    expect(answer.status).toBe(200)
    expect(told).toEqual({ traceparent: [good], tracestate: ['a=1,b=2'] })
    expect(line).toMatchObject({ status: 200, trace_id: traceId, span_id: '00f067aa0ba902b7' })
  })

  it('a caller that is not recorded stays so, and flags that nobody knows go on', async () => {
    for (const flags of ['00', '03', 'fe']) {
      const sent = good.replace(/01$/, flags)
      expect((await send({ traceparent: sent })).told.traceparent).toEqual([sent])
    }
  })

  it('names count in any case, and a tracestate in several headers is one', async () => {
    const { told } = await send([
      ['TraceParent', good],
      ['TraceState', 'a=1'],
      ['tracestate', 'b=2,c=3'],
    ])
    expect(told).toEqual({ traceparent: [good], tracestate: ['a=1,b=2,c=3'] })
  })

  it('what a later version sends goes on in the one that is known', async () => {
    const { told } = await send({ traceparent: `cc-${traceId}-00f067aa0ba902b7-ff-what,ever` })
    expect(told.traceparent).toEqual([])
    const later = await send({ traceparent: `cc-${traceId}-00f067aa0ba902b7-ff-whatever` })
    expect(later.told.traceparent).toEqual([good])
  })

  it.each([
    ['no traceparent, but a tracestate', { tracestate: 'a=1' }],
    ['capitals', { traceparent: good.toUpperCase(), tracestate: 'a=1' }],
    ['ids of zeros', { traceparent: `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`, tracestate: 'a=1' }],
    ['a list', { traceparent: `${good},${good}`, tracestate: 'a=1' }],
    ['an empty one', { traceparent: '', tracestate: 'a=1' }],
    ['more behind it', { traceparent: `${good}-01` }],
  ])('what is not valid ends here, and the request goes on: %s', async (_, headers) => {
    const { answer, told, line } = await send(headers)
    expect(answer.status).toBe(200)
    expect(told).toEqual({ traceparent: [], tracestate: [] })
    expect(line).not.toHaveProperty('trace_id')
  })

  it('two of them are none, in either order', async () => {
    const other = good.replace('4bf9', '4bfa')
    for (const pair of [
      [good, other],
      [good, good],
      ['', good],
      [good, ''],
    ]) {
      const { told } = await send(pair.map((value) => ['traceparent', value] as const))
      expect(told.traceparent).toEqual([])
    }
    expect((await send([...Array(3)].map(() => ['traceparent', good] as const))).told.traceparent).toEqual([])
  })

  it('a malformed tracestate is left out alone', async () => {
    const { told } = await send({ traceparent: good, tracestate: 'a=1,a=2' })
    expect(told).toEqual({ traceparent: [good], tracestate: [] })
  })

  it('what Connection names was meant for the gateway alone', async () => {
    const { told } = await send({ traceparent: good, tracestate: 'a=1', Connection: 'keep-alive, TraceParent' })
    expect(told).toEqual({ traceparent: [], tracestate: [] })
    const state = await send({ traceparent: good, tracestate: 'a=1', Connection: 'tracestate' })
    expect(state.told).toEqual({ traceparent: [good], tracestate: [] })
  })

  it('a refusal says in the log which trace it belongs to, and its answer has nothing of it', async () => {
    const refused = await gateway.request('GET', '/api/x', { headers: { traceparent: good } })
    expect(refused.status).toBe(401)
    expect(`${refused.head}${refused.text()}`).not.toContain(traceId)
    expect(lines.at(-1)).toMatchObject({ status: 401, code: 'INVALID_API_KEY', trace_id: traceId })
  })

  it('what is shaped like a key is no trace id', async () => {
    await reload(`keys: { accept: [{ prefix: '4bf9', length: 32 }] }`)
    const { told, line } = await send({ traceparent: good })
    expect(told.traceparent).toEqual([])
    expect(JSON.stringify(line)).not.toContain(traceId.slice(4))
    await reload('')
  })
})

describe('tracing.accept', () => {
  it.each([
    ['never', '', 0],
    ['never', 'trust_proxy: [127.0.0.1/32]', 0],
    ['trusted', '', 0],
    ['trusted', 'trust_proxy: [127.0.0.1/32]', 1],
    ['ids', '', 1],
    ['always', '', 1],
  ])('%s %s: a context is told on %i times', async (accept, trust, times) => {
    await reload(`tracing: { accept: ${accept} }\n${trust}`)
    const { told, line } = await send({ traceparent: good, tracestate: 'a=1' })
    expect(told.traceparent).toHaveLength(times)
    expect(told.tracestate).toHaveLength(times)
    expect(line?.trace_id).toBe(times === 1 ? traceId : undefined)
  })
})
