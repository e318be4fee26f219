import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { readCertificates } from '../../src/config/certificates.ts'
import { parseConfig } from '../../src/config/load.ts'
import { createDataPlane, type Traffic } from '../../src/data-plane.ts'
import { compileKeyFormats } from '../../src/keys/format.ts'
import { createMemoryLimiter } from '../../src/limiter/memory.ts'
import { createLog } from '../../src/log.ts'
import { createEvents } from '../../src/metrics/events.ts'
import { createMetrics } from '../../src/metrics/registry.ts'
import type { KeyRecord } from '../../src/store/store.ts'
import { connectRaw } from '../helpers/raw-client.ts'
import { plainResponse, type RawUpstream, startRawUpstream } from '../helpers/raw-upstream.ts'
import { keyRecord } from '../keys/key-record.ts'

/** A store that answers later, as one behind a network does, and a change that is told at every moment around its answer. */

let upstream: RawUpstream
let traffic: Traffic
let url: string
let answer: () => Promise<KeyRecord | undefined>
const formats = compileKeyFormats(configFor('http://127.0.0.1:1').keys)

function configFor(target: string) {
  const result = parseConfig(
    `listen: 127.0.0.1:0\nupstreams: { api: { targets: ['${target}'] } }\nauth_failures: { requests: 10000 }\nroutes: [{ path: /plain, upstream: api }]\n`,
    'gateway.yaml',
    {},
  )
  if (!result.ok) throw new Error('the configuration of the test is wrong')
  return result.config
}

beforeAll(async () => {
  upstream = await startRawUpstream({ script: ({ send }) => send(plainResponse()) })
  const config = configFor(upstream.url)
  const metrics = createMetrics({ version: 'test', nodeDefaults: false })
  const log = createLog({ level: 'silent', redact: (text) => text })
  traffic = await createDataPlane({
    certificates: readCertificates(config),
    ...{ config, metrics, clock: systemClock, limiter: createMemoryLimiter({ clock: systemClock }) },
    events: createEvents({ log, metrics, requestLines: false }),
    store: { findKeyByHash: () => answer(), appendEvent: async () => {}, revokeKey: async () => undefined },
    recorder: { record() {}, finish() {}, touch() {}, admit: async () => true },
    publish() {},
    answerCall: async () => ({ refused: 'INTERNAL' }),
    signer: async () => undefined,
  })
  traffic.synced(0)
  const { port } = await traffic.listen(config.listen)
  url = `http://127.0.0.1:${port}`
})
afterAll(async () => {
  await traffic.destroy()
  await upstream[Symbol.asyncDispose]()
})

describe('a key that is revoked while the store answers', () => {
  it.each(Array.from({ length: 24 }, (_, turn) => [turn + 1]))(
    'is refused when the change is told %i turns after the answer',
    async (turns) => {
      const { secret } = formats.generate('live')
      const record = keyRecord({ keyId: `key_${turns}` })
      let asked = 0
      let toldBeforeForwarding = false
      answer = async () => {
        asked++
        if (asked > 1) return undefined
        // The old record is on its way; from here on the store would say otherwise.
        void (async () => {
          for (let turn = 0; turn < turns; turn++) await undefined
          toldBeforeForwarding = upstream.requests.length === before
          traffic.forget({ seq: 1, kind: 'api_key', id: record.keyId })
        })()
        return record
      }
      const before = upstream.requests.length
      using client = await connectRaw(url)
      await client.send(
        Buffer.from(`GET /plain HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${secret.reveal()}\r\n\r\n`),
      )
      const { status } = await client.response({ to: 'GET' })
      expect(toldBeforeForwarding).toBe(true)
      // Told late enough, the request is under way already, and is broken off: 401 before there was an answer.
      expect(status).toBe(401)
    },
  )
})
