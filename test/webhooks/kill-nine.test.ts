import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Webhook } from 'standardwebhooks'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { createSecretBox, masterKey } from '../../src/keys/secret-box.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import type { Store } from '../../src/store/store.ts'
import { newWebhookSecret } from '../../src/webhooks/sign.ts'
import { actor, makeKey, makeOrganization } from '../contract/store-parts/make.ts'
import { eventually } from '../helpers/eventually.ts'
import { startWebhookTarget, type WebhookTarget } from '../helpers/webhook-target.ts'

const entry = fileURLToPath(new URL('./deliverer-process.ts', import.meta.url))

describe('a process that is killed with SIGKILL while it delivers', () => {
  let folder: string
  let file: string
  let store: Store
  let target: WebhookTarget
  const children: ChildProcess[] = []
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-webhooks-'))
    file = join(folder, 'store.db')
    store = await openSqliteStore(file, { clock: systemClock })
    target = await startWebhookTarget()
  })
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL')
    await store.close()
    await target[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  const startProcess = (leaseMs: number): ChildProcess => {
    const child = spawn(process.execPath, [entry, file, String(leaseMs)], { stdio: ['ignore', 'ignore', 'inherit'] })
    children.push(child)
    return child
  }

  /** @returns the organization's id and the webhook's secret. */
  const subscribe = async () => {
    const organizationId = await makeOrganization(store)
    const { secret, seal } = newWebhookSecret(
      createSecretBox(masterKey(createHash('sha256').update('a test').digest())),
    )
    const made = await store.createWebhook(
      { organizationId, url: target.url, description: '', events: ['api_key.created'], seal },
      actor,
    )
    if (made === 'full') throw new Error('there is room for it')
    return { organizationId, webhookId: made.id, secret: secret.reveal() }
  }

  it('loses no delivery: the one in hand comes again, under the same id', { timeout: 60_000 }, async () => {
    const { organizationId, webhookId, secret } = await subscribe()
    target.answerWith(() => undefined)
    const first = startProcess(1000)
    for (let count = 0; count < 5; count++) await makeKey(store, organizationId, { name: `Key ${count}` })
    await eventually('two to be in hand', () => target.received.length === 2, { withinMs: 15_000 })
    first.kill('SIGKILL')
    await once(first, 'exit')

    const inHand = target.received.map(({ id }) => id)
    target.answerWith((response) => void response.writeHead(204).end())
    startProcess(1000)
    await eventually(
      'all to be delivered',
      async () => {
        const deliveries = (await store.listDeliveries(organizationId, webhookId)).rows
        return deliveries.every(({ status }) => status === 'delivered')
      },
      { withinMs: 15_000 },
    )
    const after = target.received.slice(2)
    expect(after.map(({ id }) => id)).toEqual(expect.arrayContaining(inHand))
    expect(new Set(after.map(({ body }) => body.data.name)).size).toBe(5)
    for (const { text, headers } of after) new Webhook(secret).verify(text, headers)
  })

  it('two processes beside each other deliver everything once', { timeout: 60_000 }, async () => {
    const { organizationId, webhookId } = await subscribe()
    startProcess(30_000)
    startProcess(30_000)
    for (let count = 0; count < 30; count++) await makeKey(store, organizationId, { name: `Key ${count}` })
    await eventually(
      'all to be delivered',
      async () => {
        const deliveries = (await store.listDeliveries(organizationId, webhookId)).rows
        return deliveries.every(({ status }) => status === 'delivered')
      },
      { withinMs: 20_000 },
    )
    expect(target.received).toHaveLength(30)
    expect(new Set(target.received.map(({ id }) => id)).size).toBe(30)
  })
})
