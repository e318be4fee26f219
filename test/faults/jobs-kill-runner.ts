/**
 * Does jobs on the store that it is given, until it is killed. Leases are short, so that the next one need not wait.
 * With a third argument a re-encryption stands still after the first batch: it would be done before anybody saw it begin.
 */
import { apiKeyRecord, requestRecord } from '../../src/admin-api/records.ts'
import { systemClock } from '../../src/clock.ts'
import { loadConfig } from '../../src/config/load.ts'
import { createJobs } from '../../src/jobs/jobs.ts'
import { compileKeyFormats } from '../../src/keys/format.ts'
import { openSecretBox } from '../../src/keys/master-key.ts'
import { reencryptSecrets } from '../../src/keys/reencrypt.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'

const [storeFile = '', configFile = '', standStill] = process.argv.slice(2)
const loaded = await loadConfig(configFile, {})
if (!loaded.ok) throw new Error('the configuration is wrong')
const { config } = loaded
const store = await openSqliteStore(storeFile, { clock: systemClock })
const { box } = openSecretBox({ env: process.env, file: `${storeFile}.key`, inUse: [] })
createJobs({
  store,
  clock: systemClock,
  events: { fault: (where, error) => process.stderr.write(`${where}: ${String(error)}\n`) },
  config: () => config,
  formats: () => compileKeyFormats(config.keys),
  reencrypt: ({ onProgress, ...options }) =>
    reencryptSecrets(store, box, {
      ...options,
      async onProgress(progress) {
        await onProgress?.(progress)
        if (standStill !== undefined && progress.done > 0) await new Promise(() => {})
      },
    }),
  keyRecord: (key) => apiKeyRecord(key, systemClock.now()),
  requestRecord,
  leaseMs: 200,
  pollMs: 10,
})
// The runner's own timers keep no process alive.
setInterval(() => undefined, 60_000)
process.stdout.write('ready\n')
