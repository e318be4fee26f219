import { systemClock } from '../../src/clock.ts'
import { createRecorder } from '../../src/recorder/recorder.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import { requestRow } from '../helpers/request-row.ts'

// Run by recorder-kill.test.ts: records a row every few milliseconds until it is killed, and prints each with its time.
const [, , file = '', mode = 'async'] = process.argv
const store = await openSqliteStore(file, { clock: systemClock })
const events = { requestLogQueued() {}, requestLogDropped() {}, storeUp() {}, fault() {} }
const durability = mode === 'strict' ? 'strict' : 'async'
const recorder = createRecorder({ store, clock: systemClock, events, durability, queueMax: 10_000 })

setInterval(async () => {
  const row = requestRow()
  if (durability === 'async') recorder.record(row)
  else if (!(await recorder.admit(row))) return
  process.stdout.write(`${row.id} ${Date.now()}\n`)
}, 3)
