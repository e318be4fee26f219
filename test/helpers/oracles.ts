import { eventually } from './eventually.ts'
import { type Gateway, startGateway, type TestKey } from './gateway.ts'
import { identityFaults, pathFaults } from './oracle-requests.ts'
import { connectRaw, type RawClient, type RawHead, type RawResponse } from './raw-client.ts'
import { allValues } from './raw-message.ts'
import { plainResponse, type RawUpstream, type Script, startRawUpstream, type UpstreamRequest } from './raw-upstream.ts'
import { createSecretHunt } from './secret-hunt.ts'

export type Bytes = string | Buffer

export interface AttemptOptions {
  /** Final responses to read; then only the end of the connection is waited for, where the last one announced it. 1 when left out. */
  readonly responses?: number
  /** Methods that are answered, in order, where HEAD is among them; GET when left out. */
  readonly methods?: readonly string[]
  /** Reads to the end of the connection, however many responses come: for what says `Connection: close`, or stays unfinished. */
  readonly toEnd?: boolean
  /** Sends each byte on its own. */
  readonly split?: boolean
  readonly withinMs?: number
}

/** What a caller saw of an attempt. */
export interface Outcome {
  /** What was sent, as the test wrote it. */
  readonly sent: Bytes | readonly Bytes[]
  /** Whole ones only. */
  readonly responses: readonly RawResponse[]
  /** The head of a response whose body was broken off. */
  readonly broken: RawHead | undefined
  /** undefined: still open when the last response had been read. */
  readonly closed: 'end' | 'reset' | undefined
  /** Bytes behind the last response. */
  readonly leftover: Buffer
  /** Everything that came. */
  readonly received: () => Buffer
  readonly client: RawClient
}

/** One line of the log for a request: what its row in the store says as well. */
export interface RequestLine {
  readonly request_id: string
  readonly method: string
  readonly path: string
  readonly route: string | null
  readonly status: number
  readonly code: string | null
  readonly upstream_ms: number | null
  readonly organization_id: string | null
  readonly key_id: string | null
}

/** What the attempts came to. */
export interface Seen {
  readonly requests: readonly UpstreamRequest[]
  readonly lines: readonly RequestLine[]
}

export interface WatchedOptions {
  /** How the upstream answers; the witness is answered in any case. */
  readonly upstream?: Script | string
  /** Further settings of the upstream `api`: `response_timeout: 300ms, max_connections: 2`. */
  readonly api?: string
  /** Further top-level settings, as YAML. */
  readonly top?: string
}

/**
 * A gateway between raw sockets and a recording upstream, watched by the oracles of the threat model.
 * It keeps every byte: a long run starts a new one after some ten thousand attempts.
 */
export interface Watched extends AsyncDisposable {
  readonly gateway: Gateway
  readonly upstream: RawUpstream
  /** Scopes `*`. */
  readonly key: TestKey
  /**
   * Sends exactly these bytes (a string is latin1, an array is separate writes) on a connection of its own, and reads the answers.
   * Where `{answered}` stands in the place of a write, it is waited until something more has come.
   * In strings `{auth}`, `{host}` and `{key}` are filled in: a whole Authorization field, a whole Host field, the raw key.
   */
  attempt(bytes: Bytes | readonly Bytes[], options?: AttemptOptions): Promise<Outcome>
  /**
   * Every attempt since the last call must be among `outcomes`. Holds them to the oracles, and throws with what was sent:
   * O1 of a refused request not one byte reaches the upstream (of one whose body broke on the way: no whole request);
   * O2 upstream requests = authorised = rows; O3 the path forwarded is the path judged; O4 identity headers are there once
   * and ours, or not at all; O5 a good request right after succeeds, and nothing was a fault of ours; O6 one row per
   * decision, and no secret in any byte that was written. Rows are those of the log; `dispose` compares the store's with them.
   */
  verify(...outcomes: Outcome[]): Promise<Seen>
}

const witnessPath = '/.witness'

/** @param routesYaml items of the list `routes`, two spaces in; their upstream is `api`. */
export async function startWatched(routesYaml: string, options: WatchedOptions = {}): Promise<Watched> {
  const upstream = await startRawUpstream()
  const respond = (script: Script | string): void => upstream.respond(besideWitness(script))
  respond(options.upstream ?? answerPlainly)
  const top = options.top ?? ''
  const settings = ['auth_failures', 'denials'].filter((name) => !new RegExp(`^${name}:`, 'm').test(top))
  const log = createLogWatch()
  const gateway = await startGateway(
    `
${top}
${settings.map((name) => `${name}: { requests: 1000000, per: 1m }`).join('\n')}
log: { level: info, requests: true }
upstreams: { api: { targets: ['${upstream.url}'] ${options.api === undefined ? '' : `, ${options.api}`} } }
routes:
${routesYaml.replace(/^\n|\s+$/g, '')}
  - { path: ${witnessPath}, upstream: api }
`,
    { logTo: log },
  )
  const key = await gateway.createKey()
  const witnessKey = await gateway.createKey({ name: 'Witness' })
  const hidden = [key.raw, witnessKey.raw].map((raw) => raw.slice(12, -4))
  const hunt = createSecretHunt()
  for (const { raw } of [key, witnessKey]) hunt.add('a key', raw, { first: 12, last: 4 })
  const opened = new Set<RawClient>()
  const everyLine: RequestLine[] = []
  let requestsSeen = 0
  let witnesses = 0
  const judged = {
    forwardsAuthorization: /forward_authorization/.test(routesYaml),
    rewrites: /strip_prefix|rewrite/.test(routesYaml),
    names: !/^context:/m.test(top),
  }

  const fill = (bytes: Bytes): Bytes =>
    typeof bytes === 'string'
      ? bytes
          .replaceAll('{auth}', `Authorization: Bearer ${key.raw}`)
          .replaceAll('{host}', `Host: ${gateway.host}`)
          .replaceAll('{key}', key.raw)
      : bytes

  async function attempt(sent: Bytes | readonly Bytes[], how: AttemptOptions = {}): Promise<Outcome> {
    const { responses: due = 1, methods = [], toEnd = false, split = false, withinMs = 5000 } = how
    const client = await connectRaw(gateway.dataUrl)
    opened.add(client)
    const chunks: Buffer[] = []
    client.socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    const writes = (Array.isArray(sent) ? sent : [sent]).map(fill)
    const sending = sendAll(client, split ? writes.flatMap(eachByte) : writes)
    const responses: RawResponse[] = []
    let broken: RawHead | undefined
    let closed: Outcome['closed']
    try {
      while (toEnd || responses.length < due) {
        const to = methods[responses.length] ?? 'GET'
        broken = await client.head({ withinMs })
        const body = await client.body(broken, { to, withinMs })
        const text = (): string => body.content.toString()
        responses.push({ ...broken, ...body, text, json: () => JSON.parse(text()) })
        broken = undefined
      }
      if (saysClose(responses.at(-1))) closed = await client.closed(withinMs)
    } catch (error) {
      if (client.isOpen) throw new Error(`${(error as Error).message}\nsent: ${show(sent)}`)
      closed = await client.closed()
    }
    await sending
    return {
      sent,
      responses,
      broken,
      closed,
      client,
      received: () => Buffer.concat(chunks),
      get leftover() {
        return client.unread
      },
    }
  }

  async function verify(...outcomes: Outcome[]): Promise<Seen> {
    const answered: RawHead[] = outcomes.flatMap<RawHead>(({ responses, broken }) =>
      broken ? [...responses, broken] : responses,
    )
    try {
      const idsDue = answered.map((response) => response.header('x-request-id') ?? '(none)')
      await eventually(
        'a row for each answer',
        () =>
          missing(
            idsDue,
            log.lines().map(({ request_id }) => request_id),
          ).length === 0,
      )
      const id = `witness-${++witnesses}`
      const good = await gateway.request('GET', witnessPath, { key: witnessKey, headers: { 'X-Request-Id': id } })
      if (good.status !== 200 || good.text() !== id)
        fail('O5', `the good request was answered ${good.status} ${good.text()}`)
      await eventually('the row of the good request', () => log.lines().some(({ request_id }) => request_id === id))
      // What was broken off has its row and its end upstream in its own time.
      let faults: string[] = []
      await eventually(
        'the oracles to hold',
        () => {
          faults = faultsOf(answered, id, outcomes)
          return faults.length === 0
        },
        { withinMs: 1500 },
      ).catch(() => fail('oracles', faults.join('\n')))
      return {
        requests: upstream.requests.slice(requestsSeen).filter(({ target }) => target !== witnessPath),
        lines: log.lines().filter(({ request_id }) => request_id !== id),
      }
    } catch (error) {
      throw new Error(
        `${(error as Error).message}\nsent: ${outcomes.map(({ sent }) => show(sent)).join('\nand: ')}\nanswered: ${answered.map((response) => JSON.stringify(response.head)).join(' ')}`,
        { cause: error },
      )
    } finally {
      // Also what was found fault with: the next call is about what comes next.
      everyLine.push(...log.take())
      requestsSeen = upstream.requests.length
      for (const { client } of outcomes) {
        client[Symbol.dispose]()
        opened.delete(client)
      }
    }
  }

  /** Everything that is wrong now; what is only late is not wrong any more when it is asked again. */
  function faultsOf(answered: readonly RawHead[], witness: string, outcomes: readonly Outcome[]): string[] {
    const faults: string[] = log.faults().map((line) => `O5: a fault in the log: ${line}`)
    const lines = log.lines()
    const fresh = upstream.requests.slice(requestsSeen)

    const unmatched = [...answered]
    for (const line of lines) {
      if (line.request_id === witness) continue
      const at = unmatched.findIndex(
        (response) => response.header('x-request-id') === line.request_id && response.status === line.status,
      )
      if (at >= 0) unmatched.splice(at, 1)
      else if (!outcomes.some(({ closed }) => closed !== undefined))
        faults.push(`O6: a row without an answer: ${JSON.stringify(line)}`)
      if (line.status === 500) faults.push(`O5: 500 ${line.path}`)
    }
    for (const { head } of unmatched) faults.push(`O6: an answer without a row: ${JSON.stringify(head)}`)

    const rows = [...lines]
    for (const request of fresh) {
      const ids = allValues(request.headers, 'x-request-id')
      const at = rows.findIndex((line) => line.request_id === ids[0] && line.upstream_ms !== null)
      const [line] = at >= 0 ? rows.splice(at, 1) : []
      if (line === undefined)
        faults.push(`O1, O2: the upstream has seen what no row says was forwarded: ${request.head}`)
      else {
        const refused = line.code !== null && !fromUpstream.has(line.code)
        if (refused && request.content !== undefined)
          faults.push(`O1: refused with ${line.code}, and yet whole at the upstream: ${request.head}`)
        faults.push(...identityFaults(request, line, judged), ...pathFaults(request, line, judged))
      }
    }
    for (const line of rows) {
      if (line.upstream_ms !== null && line.code === null && line.status !== 0)
        faults.push(`O2: never seen upstream: ${JSON.stringify(line)}`)
    }
    for (const connection of upstream.connections) {
      if (!connection.isClosed && !connection.tunnelled && connection.unread().length > 0) {
        faults.push(
          `O1: bytes upstream that belong to no whole request: ${JSON.stringify(connection.unread().toString('latin1', 0, 300))}`,
        )
      }
    }
    for (const { leftover, broken } of outcomes) {
      // Of an answer that broke off the rest is no other answer.
      if (leftover.length > 0 && broken === undefined && !tunnelled(answered))
        faults.push(`O6: bytes behind the last answer: ${JSON.stringify(leftover.toString('latin1', 0, 300))}`)
    }
    for (const secret of hidden) {
      if (log.text().includes(secret)) faults.push('O6: a key in the log')
      if (outcomes.some(({ received }) => received().includes(secret))) faults.push('O6: a key in an answer')
    }
    return faults
  }

  /** At the end every row in the store is one of the log, and no form of a key is anywhere. */
  async function compareStore(): Promise<void> {
    await verify()
    const rows = await gateway.requestLog()
    const both = [
      rows.map(({ requestId, method, path, status, code }) => [requestId, method, path, status, code].join(' ')),
      everyLine.map(({ request_id, method, path, status, code }) => [request_id, method, path, status, code].join(' ')),
    ].map((list) => list.sort())
    const [stored = [], logged = []] = both
    const strange = [...missing(stored, logged), ...missing(logged, stored)]
    if (strange.length > 0)
      fail('O6', `rows of the store and lines of the log differ: ${strange.slice(0, 5).join('; ')}`)
    hunt.place('the log', log.everything())
    hunt.place('the rows', JSON.stringify(rows))
    if (hunt.findings().length > 0) fail('O6', hunt.findings().join('; '))
  }

  return {
    gateway,
    upstream: {
      ...upstream,
      respond,
      forget() {
        upstream.forget()
        requestsSeen = 0
      },
    },
    key,
    attempt,
    verify,
    async [Symbol.asyncDispose]() {
      try {
        await compareStore()
      } finally {
        for (const client of opened) client[Symbol.dispose]()
        await gateway[Symbol.asyncDispose]()
        await upstream[Symbol.asyncDispose]()
      }
    },
  }
}

/** Codes that an admitted request can end with although the whole of it was sent. */
const fromUpstream: ReadonlySet<string> = new Set([
  'UPSTREAM_UNAVAILABLE',
  'UPSTREAM_PROTOCOL_ERROR',
  'UPSTREAM_TIMEOUT',
])

const fail = (oracle: string, what: string): never => {
  throw new Error(`${oracle}: ${what}`)
}

const show = (sent: Bytes | readonly Bytes[]): string =>
  JSON.stringify((Array.isArray(sent) ? sent : [sent]).map((bytes) => bytes.toString('latin1'))).slice(0, 4000)

const saysClose = (response: RawHead | undefined): boolean => response?.header('connection')?.toLowerCase() === 'close'

const tunnelled = (answered: readonly RawHead[]): boolean => answered.some(({ status }) => status === 101)

/** What of the first list is not in the second, each as often as it is there. */
function missing(wanted: readonly string[], found: readonly string[]): string[] {
  const left = [...found]
  return wanted.filter((text) => {
    const at = left.indexOf(text)
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
}

/** Each write in a turn of its own, so that it is read on its own. */
async function sendAll(client: RawClient, writes: readonly Bytes[]): Promise<void> {
  let received = 0
  for (const [index, bytes] of writes.entries()) {
    if (bytes === '{answered}') {
      await eventually('an answer between two writes', () => client.bytesReceived > received || !client.isOpen)
      received = client.bytesReceived
      continue
    }
    if (index > 0) await new Promise((resolve) => setImmediate(resolve))
    if (client.socket.destroyed) return
    await client.send(bytes)
  }
}

const eachByte = (bytes: Bytes): Buffer[] =>
  Array.from(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes, (byte) => Buffer.of(byte))

const answerPlainly: Script = async ({ request, body, send }) => {
  await body()
  send(request.method === 'HEAD' ? plainResponse('ok').slice(0, -2) : plainResponse('ok'))
}

/** The witness is answered with its id, on whatever connection it comes. */
const besideWitness = (script: Script | string): Script => {
  return async (exchange) => {
    const { request, body, send } = exchange
    if (request.target === witnessPath) return send(plainResponse(request.header('x-request-id')))
    if (typeof script !== 'string') return await script(exchange)
    await body()
    send(script)
  }
}

/** Takes the lines of the log as they are written. */
function createLogWatch() {
  let all = ''
  let lines: RequestLine[] = []
  let faults: string[] = []
  let since = 0
  return {
    write(line: string): void {
      all += line
      const parsed = JSON.parse(line) as RequestLine & { msg: string; level: string }
      if (parsed.msg === 'request') lines.push(parsed)
      else if (parsed.level === 'error') faults.push(line)
    },
    lines: (): readonly RequestLine[] => lines.filter(({ request_id }) => !/^flush-\d+$/.test(request_id)),
    faults: (): readonly string[] => faults,
    /** Of what was not taken yet. */
    text: (): string => all.slice(since),
    everything: (): string => all,
    take(): RequestLine[] {
      const taken = lines
      lines = []
      faults = []
      since = all.length
      return taken
    },
  }
}
