import { createHash } from 'node:crypto'
import { systemClock } from '../../src/clock.ts'
import { createSecretBox, masterKey } from '../../src/keys/secret-box.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import { startWebhooks } from '../../src/webhooks/webhooks.ts'

/**
 * Delivers what an outbox holds until it is killed. Arguments: the store's file, and how long a lease lasts.
 * It knows no gateway, so that a test can say how short a lease is.
 */
const [file = '', leaseMs = ''] = process.argv.slice(2)
const store = await openSqliteStore(file, { clock: systemClock })
const print = (what: string, detail: unknown): void => void process.stdout.write(`${what} ${JSON.stringify(detail)}\n`)
startWebhooks({
  store,
  box: createSecretBox(masterKey(createHash('sha256').update('a test').digest())),
  clock: systemClock,
  events: {
    webhookDelivered: (result, { deliveryId }) => print(result, deliveryId),
    fault: (where, error) => print(`fault ${where}`, String(error)),
  },
  records: { apiKey: ({ id, name }) => ({ id, name }), organization: ({ id }) => ({ id }) },
  allowPrivate: () => true,
  redact: (text) => text,
  version: '0',
  everyMs: 50,
  leaseMs: Number(leaseMs),
})
// The timers alone would let it end.
setInterval(() => undefined, 1000)
print('ready', null)
