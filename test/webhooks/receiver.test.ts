import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AdminGateway, adminConfig, startAdmin } from '../helpers/admin.ts'
import { eventually } from '../helpers/eventually.ts'
import { startWebhookTarget, type WebhookTarget } from '../helpers/webhook-target.ts'

const examples = join(import.meta.dirname, '../../examples/webhooks')
const guide = readFileSync(join(import.meta.dirname, '../../docs/guides/webhooks.md'), 'utf8')

/** The receiver of the guide, as a process. */
async function startReceiver(secret: string) {
  const child = spawn(process.execPath, [join(examples, 'receiver.mjs')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, WEBHOOK_SECRET: secret, PORT: '0' },
  })
  const exited = once(child, 'exit')
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const url = await eventually('the receiver to listen', () => /http:\S+/.exec(output)?.[0], { withinMs: 15_000 })
  return {
    url,
    /** What it has handled: type and id. */
    handled: () => output.split('\n').slice(1, -1),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await exited
    },
  }
}

describe('the webhook receiver of the guide', () => {
  let gateway: AdminGateway
  /** Stands where the receiver will, whose secret is known only once the webhook is made. */
  let target: WebhookTarget
  beforeAll(async () => {
    gateway = await startAdmin(`${adminConfig}\nwebhooks: { allow_private: true }\n`)
    target = await startWebhookTarget()
  })
  afterAll(async () => {
    await target[Symbol.asyncDispose]()
    await gateway[Symbol.asyncDispose]()
  })

  const subscribe = async (): Promise<{ path: string; secret: string }> => {
    const list = `/organizations/${gateway.organization.id}/webhooks`
    const { body } = await gateway.api<{ id: string; secret: string }>('POST', list, { url: target.url, events: ['*'] })
    return { path: `${list}/${body.id}`, secret: body.secret }
  }

  it.each([
    ['js', 'receiver.mjs'],
    ['python', 'receiver.py'],
  ])('stands there as it runs: %s', (language, file) => {
    expect(guide).toContain(`\`\`\`${language}\n${readFileSync(join(examples, file), 'utf8')}\`\`\``)
  })

  it('takes what the gateway sends and handles it once, however often it comes', async () => {
    const { path, secret } = await subscribe()
    await using receiver = await startReceiver(secret)
    await gateway.api('PATCH', path, { url: receiver.url })
    const { record } = await gateway.createKey()
    await eventually('the first delivery', () => receiver.handled().length > 0)
    const delivered = async () => {
      const { body } = await gateway.api<{ id: string; status: string }[]>('GET', `${path}/deliveries`)
      return body.filter(({ status }) => status === 'delivered')
    }
    const [first] = await eventually('it to be delivered', async () => {
      const found = await delivered()
      return found.length === 1 && found
    })
    const again = await gateway.api('POST', `${path}/deliveries/${first?.id}/redeliver`)
    expect(again.status).toBe(202)
    await eventually('both', async () => (await delivered()).length === 2)
    expect(receiver.handled()).toEqual([`api_key.created ${record.id}`])
  })

  it('goes on with the secret that it has while the webhook’s is rotated, and refuses what is not signed with it', async () => {
    const { path, secret } = await subscribe()
    const rotated = await gateway.api<{ secret: string }>('POST', `${path}/rotate-secret`)
    await using old = await startReceiver(secret)
    await using fresh = await startReceiver(rotated.body.secret)
    for (const receiver of [old, fresh]) {
      await gateway.api('PATCH', path, { url: receiver.url })
      await gateway.api('POST', `${path}/test`)
      await eventually('the test', () => receiver.handled().length > 0)
    }
    const body = JSON.stringify({ type: 'webhook.test', timestamp: new Date().toISOString(), data: {} })
    const send = (signature: string) =>
      fetch(fresh.url, {
        method: 'POST',
        headers: { 'webhook-id': 'evt_1', 'webhook-timestamp': `${now}`, 'webhook-signature': signature },
        body,
      })
    const now = Math.floor(Date.now() / 1000)
    const sign = (key: string) => new Webhook(key).sign('evt_1', new Date(now * 1000), body)
    expect((await send(sign(secret))).status).toBe(401)
    expect((await send(sign(rotated.body.secret))).status).toBe(204)
  })
})
