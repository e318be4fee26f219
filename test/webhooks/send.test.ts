import { createServer as createTcpServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import type { ResolveAddresses } from '../../src/webhooks/connect.ts'
import { createSend, type SendOptions } from '../../src/webhooks/send.ts'
import { startWebhookTarget, type WebhookTarget } from '../helpers/webhook-target.ts'

let target: WebhookTarget
beforeEach(async () => {
  target = await startWebhookTarget()
})
afterEach(() => target[Symbol.asyncDispose]())

const never = new AbortController().signal
const body = '{"type":"webhook.test","timestamp":"2026-01-01T00:00:00.000Z","data":{}}'

const post = (url: string, options: Partial<SendOptions> = {}, stopping: AbortSignal = never) =>
  createSend({
    clock: systemClock,
    resolve: async () => [{ address: '127.0.0.1', family: 4 }],
    allowPrivate: () => true,
    timeoutMs: 1000,
    redact: (text) => text,
    userAgent: 'Sallyport/0',
    ...options,
  })(url, { 'webhook-id': 'evt_1' }, body, stopping)

describe('one attempt', () => {
  it('posts the body as it is, as JSON', async () => {
    expect(await post(target.url)).toMatchObject({ status: 204, body: '', error: null })
    expect(target.received).toHaveLength(1)
    expect(target.received[0]).toMatchObject({ text: body, path: '/hook', id: 'evt_1' })
    expect(target.received[0]?.headers).toMatchObject({
      'content-type': 'application/json',
      'user-agent': 'Sallyport/0',
    })
  })

  it('does not follow a redirect', async () => {
    await using other = await startWebhookTarget()
    target.answerWith((response) => void response.writeHead(307, { location: other.url }).end())
    expect(await post(target.url)).toMatchObject({ status: 307 })
    expect(other.received).toEqual([])
  })

  it('ends in time when there is no answer', async () => {
    target.answerWith(() => undefined)
    const startedAt = performance.now()
    expect(await post(target.url, { timeoutMs: 200 })).toMatchObject({ status: null, error: 'no answer within 0.2 s' })
    expect(performance.now() - startedAt).toBeLessThan(2000)
  })

  it('ends in time when the answer has no end; what came of it counts', async () => {
    target.answerWith((response) => void response.writeHead(200).write('so far'))
    expect(await post(target.url, { timeoutMs: 200 })).toMatchObject({ status: 200, body: 'so far', error: null })
  })

  it('keeps the first 1 KB of an answer and reads little more of a long one', async () => {
    let sent = 0
    target.answerWith((response) => {
      response.writeHead(500)
      const more = (): void => {
        if (response.destroyed) return
        sent += 65_536
        if (response.write('é'.repeat(32_768))) setImmediate(more)
        else response.once('drain', more)
      }
      more()
    })
    const response = await post(target.url)
    expect(response.status).toBe(500)
    expect(response.body).toBe('é'.repeat(512))
    expect(sent).toBeLessThan(64_000_000)
  })

  it('takes keys out of what is kept, one that lies across the end included', async () => {
    const key = `sk_live_${'a'.repeat(36)}`
    const redact = (text: string) => text.replaceAll(/sk_live_\w{36}/g, '[secret]')
    target.answerWith((response) => void response.writeHead(500).end(`your ${key} ${key} `.repeat(200)))
    const { body } = await post(target.url, { redact })
    expect(body).toMatch(/^your \[secret\] \[secret\] your/)
    expect(body).not.toContain('aaaa')
  })

  it('says what went wrong with the connection', async () => {
    const dead = createTcpServer((socket) => socket.destroy())
    await new Promise<void>((resolve) => dead.listen(0, '127.0.0.1', resolve))
    const address = dead.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    expect((await post(`http://127.0.0.1:${port}/`)).error).toMatch(/^the connection failed \(/)
    await new Promise((resolve) => dead.close(resolve))
    expect(await post(`http://127.0.0.1:${port}/`)).toMatchObject({
      status: null,
      error: 'the connection failed (ECONNREFUSED)',
    })
    const unknown: ResolveAddresses = async () => {
      throw Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' })
    }
    expect((await post('http://nowhere.example/', { resolve: unknown })).error).toBe('its name could not be resolved')
  })

  it('is broken off when the gateway stops', async () => {
    target.answerWith(() => undefined)
    const stopping = new AbortController()
    const attempt = post(target.url, {}, stopping.signal)
    stopping.abort()
    expect(await attempt).toMatchObject({ status: null, error: 'the gateway was stopped' })
  })
})

describe('a target that is not public', () => {
  const answers = (...addresses: string[]): ResolveAddresses => {
    return async () => addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
  }
  const refused = { allowPrivate: () => false, timeoutMs: 500 }
  const leads = 'its name does not lead to a public address'
  const url = () => `https://hooks.example.com:${target.port}/`

  it.each([['127.0.0.1'], ['10.0.0.1'], ['169.254.169.254'], ['::1'], ['::ffff:127.0.0.1'], ['64:ff9b::7f00:1']])(
    'is refused by what its name resolves to: %s',
    async (address) => {
      expect(await post(url(), { ...refused, resolve: answers(address) })).toMatchObject({ status: null, error: leads })
    },
  )

  it('is refused when one of several addresses is not public, wherever it stands', async () => {
    for (const addresses of [
      ['1.1.1.1', '127.0.0.1'],
      ['127.0.0.1', '1.1.1.1'],
    ]) {
      expect((await post(url(), { ...refused, resolve: answers(...addresses) })).error).toBe(leads)
    }
  })

  it('is reached at the address that was checked: the name is resolved once', async () => {
    let asked = 0
    const changing: ResolveAddresses = async () => {
      asked++
      // What a rebinding name does: right for whoever checks, wrong for whoever connects.
      return [{ address: asked === 1 ? '127.0.0.1' : '127.0.0.2', family: 4 }]
    }
    expect(await post(`http://hooks.example.com:${target.port}/`, { resolve: changing })).toMatchObject({ status: 204 })
    expect(asked).toBe(1)
  })

  it('is refused by its text too, as a URL from a time when it was allowed', async () => {
    const resolve: ResolveAddresses = async () => {
      throw new Error('nothing is to be resolved')
    }
    for (const url of [target.url, `https://127.0.0.1:${target.port}/`, `https://[::1]:${target.port}/`]) {
      expect((await post(url, { ...refused, resolve })).error).toMatch(/^the URL must /)
    }
    expect(target.received).toEqual([])
  })
})
