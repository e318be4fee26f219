import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { startCollector } from '../helpers/collector.ts'
import { eventually, within } from '../helpers/eventually.ts'
import { spawnGateway } from '../helpers/gateway-process.ts'
import { startHttpUpstream } from '../helpers/http-upstream.ts'

it('each worker exports what it carried, under an id of its own, and sends the rest when it ends', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-tracing-'))
  await using _folder = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) }
  await using collector = await startCollector()
  await using upstream = await startHttpUpstream((_request, response) => void response.end('ok'))
  const file = join(folder, 'gateway.yaml')
  await writeFile(
    file,
    `
listen: 127.0.0.1:0
admin: { listen: 127.0.0.1:0 }
store: sqlite:s.db
workers: 2
log: { level: info, requests: true }
upstreams: { api: { targets: ['${upstream.url}'] } }
routes: [{ path: /open/*, public: true, upstream: api }]
`,
  )
  const token = 'collector-token-of-some-length'
  await using gateway = await spawnGateway(file, {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer%20${token}`,
    // Longer than the test: what comes of the last requests comes at the end.
    OTEL_BSP_SCHEDULE_DELAY: '60000',
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '20',
  })
  const instances = (): Set<unknown> => new Set(collector.spans.map(({ resource }) => resource['service.instance.id']))
  let sent = 0
  // The kernel decides which worker takes a connection.
  await eventually(
    'spans of both workers',
    async () => {
      sent++
      const answer = await fetch(`${gateway.dataUrl}/open/x`, { headers: { connection: 'close' } })
      expect(answer.status).toBe(200)
      return instances().size === 2
    },
    { withinMs: 15_000 },
  )
  const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text()
  const counted = Number(/sallyport_trace_spans_total\{result="exported"\} (\d+)/.exec(metrics)?.[1])
  expect(counted).toBeGreaterThanOrEqual(40)
  expect(counted).toBeLessThanOrEqual(collector.spans.length)
  gateway.child.kill('SIGTERM')
  expect(await within(10_000, 'the process to end', gateway.exited)).toEqual([0, null])
  expect(collector.spans).toHaveLength(2 * sent)
  expect(instances().size).toBe(2)
  expect(new Set(collector.spans.map(({ resource }) => resource['process.pid'])).size).toBe(2)
  expect(collector.requests.every(({ headers }) => headers.authorization === `Bearer ${token}`)).toBe(true)
  expect(gateway.output()).toMatch(/"trace_id":"[0-9a-f]{32}","span_id":"[0-9a-f]{16}"/)
  expect(gateway.output()).not.toContain(token)
})
