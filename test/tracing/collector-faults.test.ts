import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { startCollector, takeAll } from '../helpers/collector.ts'
import { eventually, within } from '../helpers/eventually.ts'
import { type Gateway, startGateway } from '../helpers/gateway.ts'
import { spawnGateway } from '../helpers/gateway-process.ts'
import { startHttpUpstream } from '../helpers/http-upstream.ts'

/** A head that never ends, each part of it in time. */
const trickle = (response: ServerResponse): void => {
  response.socket?.write('HTTP/1.1 200 OK\r\n')
  const timer = setInterval(() => response.socket?.write('X: x\r\n'), 50)
  response.socket?.on('close', () => clearInterval(timer))
}

/** A port that no program of a user listens on. */
const nobody = 'http://127.0.0.1:1'

type Spans = Record<'exported' | 'dropped' | 'failed', number>

const plain = (url: string, top = '') =>
  `${top}\nupstreams: { api: { targets: ['${url}'] } }\nroutes: [{ path: /open/*, public: true, upstream: api }]\n`

/** A gateway that exports at once to `endpoint`, and what its log says. */
async function startExporting(endpoint: string, more: Record<string, string> = {}) {
  const upstream = await startHttpUpstream((_request, response) => void response.end('ok'))
  const lines: Record<string, unknown>[] = []
  const gateway = await startGateway(plain(upstream.url, 'log: { level: info }'), {
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_BSP_SCHEDULE_DELAY: '20',
      OTEL_EXPORTER_OTLP_TIMEOUT: '300',
      ...more,
    },
    logTo: { write: (line) => void lines.push(JSON.parse(line)) },
  })
  return {
    gateway,
    lost: () => lines.filter(({ msg }) => msg === 'spans of traces were lost'),
    async spans(): Promise<Spans> {
      const text = await gateway.metrics()
      const count = (result: string) =>
        Number(new RegExp(`sallyport_trace_spans_total\\{result="${result}"\\} (\\d+)`).exec(text)?.[1])
      return { exported: count('exported'), dropped: count('dropped'), failed: count('failed') }
    },
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

async function ask(gateway: Gateway, times: number): Promise<void> {
  for (let sent = 0; sent < times; sent++) expect((await gateway.request('GET', '/open/x')).status).toBe(200)
}

describe('a collector that does not take spans', () => {
  it('is not there: they are counted as failed, with one line, and requests go on', async () => {
    await using exporting = await startExporting(nobody)
    await ask(exporting.gateway, 5)
    const counts = await eventually('the spans to be given up', async () => {
      const spans = await exporting.spans()
      return spans.failed === 10 && spans
    })
    expect(counts).toEqual({ exported: 0, dropped: 0, failed: 10 })
    expect(exporting.lost()[0]).toMatchObject({ result: 'failed', why: 'the connection failed (ECONNREFUSED)' })
  })

  it.each([
    ['hangs', () => {}],
    ['trickles', trickle],
    ['refuses', (response: ServerResponse) => void response.writeHead(400).end('no')],
    ['breaks off', (response: ServerResponse) => void response.destroy()],
  ])('%s: requests do not notice, every span is accounted for, and it goes on when it is well', async (_, how) => {
    await using collector = await startCollector()
    collector.answer(how)
    await using exporting = await startExporting(collector.url)
    const { gateway } = exporting
    await ask(gateway, 3)
    await eventually('an export', () => collector.requests.length > 0)
    await ask(gateway, 20)
    await eventually('all to be given up', async () => (await exporting.spans()).failed === 46, { withinMs: 8000 })
    expect(exporting.lost().length).toBeGreaterThan(0)
    collector.answer(takeAll)
    await ask(gateway, 2)
    await eventually('what came after', async () => (await exporting.spans()).exported === 4)
    expect(await exporting.spans()).toEqual({ exported: 4, dropped: 0, failed: 46 })
  })

  it('takes some: the others are counted as failed, with what it says of them', async () => {
    await using collector = await startCollector()
    collector.answer((response) =>
      response.end(JSON.stringify({ partialSuccess: { rejectedSpans: 1, errorMessage: 'too old' } })),
    )
    await using exporting = await startExporting(collector.url, { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' })
    await ask(exporting.gateway, 1)
    await eventually('the counts', async () => (await exporting.spans()).failed === 1)
    expect(await exporting.spans()).toEqual({ exported: 1, dropped: 0, failed: 1 })
    expect(exporting.lost()[0]).toMatchObject({ why: 'the collector rejected them: too old' })
  })

  it('is slow: what finds the queue full is dropped and counted, none is remembered beyond it', async () => {
    await using collector = await startCollector()
    const held: ServerResponse[] = []
    collector.answer((response) => void held.push(response))
    await using exporting = await startExporting(collector.url, {
      OTEL_BSP_MAX_QUEUE_SIZE: '10',
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '4',
      OTEL_EXPORTER_OTLP_TIMEOUT: '10000',
    })
    const { gateway } = exporting
    await ask(gateway, 2)
    await eventually('the first batch', () => held.length === 1)
    await ask(gateway, 20)
    // So many are on their way, ten wait: of the 44 that is all that there is room for.
    const underWay = collector.spans.length
    const dropped = 44 - underWay - 10
    await eventually('the rest to be dropped', async () => (await exporting.spans()).dropped === dropped)
    expect(exporting.lost()[0]).toMatchObject({ result: 'dropped', level: 'warn' })
    collector.answer(takeAll)
    for (const response of held) takeAll(response)
    await eventually('the others to be taken', async () => (await exporting.spans()).exported === underWay + 10)
    expect(await exporting.spans()).toEqual({ exported: underWay + 10, dropped, failed: 0 })
    expect(collector.spans).toHaveLength(underWay + 10)
  })

  it('is slow while the gateway closes: what was on its way before is waited for as well', async () => {
    await using collector = await startCollector()
    const held: ServerResponse[] = []
    collector.answer((response) => {
      if (held.push(response) > 1) takeAll(response)
    })
    const exporting = await startExporting(collector.url, { OTEL_EXPORTER_OTLP_TIMEOUT: '60000' })
    await ask(exporting.gateway, 1)
    await eventually('the first batch', () => held.length === 1)
    await ask(exporting.gateway, 1)
    const closed = exporting[Symbol.asyncDispose]()
    await eventually('the last batch to be taken', () => held[1]?.writableFinished)
    const [first] = held
    if (first !== undefined) takeAll(first)
    await within(8000, 'the gateway to close', closed)
    expect(exporting.lost()).toEqual([])
  })

  it('hangs while the gateway closes: that waits for a moment, and not for it', async () => {
    await using collector = await startCollector()
    collector.answer(() => {})
    const exporting = await startExporting(collector.url, { OTEL_EXPORTER_OTLP_TIMEOUT: '60000' })
    await ask(exporting.gateway, 3)
    await within(8000, 'the gateway to close', exporting[Symbol.asyncDispose]())
    expect(exporting.lost().at(-1)).toMatchObject({ result: 'failed', spans: 6, why: 'the gateway has ended' })
  })
})

describe('a gateway process', () => {
  async function inFolder(yaml: string, run: (file: string) => Promise<void>): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-tracing-'))
    try {
      const file = join(folder, 'gateway.yaml')
      await writeFile(file, `listen: 127.0.0.1:0\nadmin: { listen: 127.0.0.1:0 }\nstore: sqlite:s.db\n${yaml}`)
      await run(file)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  it('that is told to end sends what it has, and ends', async () => {
    await using collector = await startCollector()
    await using upstream = await startHttpUpstream((_request, response) => void response.end('ok'))
    await inFolder(plain(upstream.url), async (file) => {
      await using gateway = await spawnGateway(file, {
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_BSP_SCHEDULE_DELAY: '60000',
      })
      for (let sent = 0; sent < 3; sent++) expect((await fetch(`${gateway.dataUrl}/open/x`)).status).toBe(200)
      gateway.child.kill('SIGTERM')
      expect(await within(8000, 'the process to end', gateway.exited)).toEqual([0, null])
      expect(collector.spans).toHaveLength(6)
    })
  })

  it.each([
    ['hangs', () => {}],
    ['trickles', trickle],
    ['never ends its answer', (response: ServerResponse) => void response.writeHead(200).write('x')],
    ['asks for patience', (response: ServerResponse) => void response.writeHead(503, { 'Retry-After': '30' }).end()],
  ])('that exports to a collector that %s ends in time', async (_, how) => {
    await using collector = await startCollector()
    collector.answer(how)
    await using upstream = await startHttpUpstream((_request, response) => void response.end('ok'))
    await inFolder(plain(upstream.url), async (file) => {
      await using gateway = await spawnGateway(file, {
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_BSP_SCHEDULE_DELAY: '20',
        OTEL_EXPORTER_OTLP_TIMEOUT: '60000',
      })
      for (let sent = 0; sent < 3; sent++) expect((await fetch(`${gateway.dataUrl}/open/x`)).status).toBe(200)
      await eventually('an export', () => collector.requests.length > 0)
      gateway.child.kill('SIGTERM')
      expect(await within(8000, 'the process to end', gateway.exited)).toEqual([0, null])
    })
  })
})
