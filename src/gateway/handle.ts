import type { Exchange } from './exchange.ts'
import type { Plan } from './plan.ts'

/**
 * The life of one request. A step that refuses ends it; what no step has refused is carried upstream.
 * The last of `route.steps` of everything that is not a route refuses always, so that nothing passes by omission.
 */
export async function handle(exchange: Exchange, plan: Plan): Promise<void> {
  const malformed = plan.read(exchange)
  if (malformed !== undefined) return plan.deny(exchange, malformed)
  if (plan.sheds(exchange)) return plan.deny(exchange, 'OVERLOADED')
  const route = plan.match(exchange)
  for (const step of route.steps) {
    const verdict = step.run(exchange)
    const denial = verdict instanceof Promise ? await verdict : verdict
    if (denial !== undefined) return plan.deny(exchange, denial)
  }
  if (exchange.broken !== undefined) return plan.deny(exchange, exchange.broken)
  if (!exchange.gone) route.finish(exchange)
}
