import { z } from 'zod'
import type { KeyChange, KeyOutcome } from '../store/jobs-store.ts'
import type { ApiKey, KeyFilter, Store } from '../store/store.ts'
import type { TypedRun } from './handler.ts'

export const bulkCheckpoint = z.object({
  /** Id of the last key that was looked at. */
  before: z.string().nullable(),
  seen: z.number(),
  total: z.number(),
  changed: z.number(),
  skipped: z.number(),
})
export type BulkCheckpoint = z.output<typeof bulkCheckpoint>

export const bulkStart: BulkCheckpoint = { before: null, seen: 0, total: 0, changed: 0, skipped: 0 }

/** What shall happen to one key, or in one word why nothing does. */
export type BulkDecision = KeyChange | 'system' | 'not_active' | 'environment_gone' | 'not_allowed'

/**
 * Goes through the keys of a filter, newest first; keys that come meanwhile are not among them. The platform's own keys
 * stay as they are. The output has one line of JSON for each key.
 */
export async function changeAll<P>(
  run: TypedRun<P, BulkCheckpoint>,
  store: Pick<Store, 'listKeys' | 'countKeys'>,
  filter: KeyFilter,
  done: 'revoked' | 'rotated',
  decide: (key: ApiKey) => BulkDecision | Promise<BulkDecision>,
): Promise<void> {
  const { organizationId } = run.job
  let at = run.checkpoint
  if (at.before === null) at = { ...at, total: await store.countKeys(organizationId, filter) }
  for (;;) {
    const { before } = at
    const keys = await store.listKeys(organizationId, filter, { limit: batchSize, ...(before !== null && { before }) })
    const decisions: { readonly key: ApiKey; readonly decision: BulkDecision }[] = []
    for (const key of keys) decisions.push({ key, decision: key.system ? 'system' : await decide(key) })
    const changes = decisions.flatMap(({ decision }) => (typeof decision === 'string' ? [] : [decision]))
    await run.step(changes, (outcomes) => {
      const reports = reportsOf(decisions, outcomes, done)
      const changed = reports.filter(({ status }) => status === done).length
      at = {
        before: keys.at(-1)?.id ?? before,
        seen: at.seen + keys.length,
        // Keys can come under a filter meanwhile, by a change of their name for example.
        total: Math.max(at.total, at.seen + keys.length),
        changed: at.changed + changed,
        skipped: at.skipped + keys.length - changed,
      }
      const output = reports.map((report) => `${JSON.stringify(report)}\n`).join('')
      return { progress: at.seen, total: at.total, checkpoint: at, output }
    })
    if (keys.length < batchSize) return
  }
}

interface Report {
  readonly key_id: string
  readonly name: string
  readonly status: 'revoked' | 'rotated' | 'skipped'
  readonly reason?: string
}

function reportsOf(
  decisions: readonly { readonly key: ApiKey; readonly decision: BulkDecision }[],
  outcomes: readonly KeyOutcome[],
  done: 'revoked' | 'rotated',
): Report[] {
  let next = 0
  return decisions.map(({ key: { id, name }, decision }) => {
    if (typeof decision === 'string') return { key_id: id, name, status: 'skipped', reason: decision }
    const changed = outcomes[next++]?.kind === 'done'
    return changed ? { key_id: id, name, status: done } : { key_id: id, name, status: 'skipped', reason: 'not_active' }
  })
}

/** In one transaction: some 20 ms. */
const batchSize = 50
