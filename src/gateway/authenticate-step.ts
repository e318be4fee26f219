import type { Exchange } from './exchange.ts'
import type { PlanDependencies } from './plan.ts'
import type { Step, Verdict } from './route.ts'

type Needs = Pick<PlanDependencies, 'authenticate' | 'authenticated' | 'changesTold' | 'confirm' | 'authRetryAfterMs'>

/** Whose request it is. From here on whatever changes about its key concerns it. */
export function authenticateStep(dependencies: Needs): Step {
  const { authenticate, authenticated, changesTold, confirm, authRetryAfterMs } = dependencies
  const keep = (exchange: Exchange, result: Exclude<Awaited<ReturnType<typeof authenticate>>, never>): Verdict => {
    if (typeof result !== 'string') {
      exchange.key = result
      authenticated(exchange)
      return undefined
    }
    if (result === 'RATE_LIMITED') {
      exchange.violated = ['auth_failures']
      exchange.retryAfterMs = authRetryAfterMs(exchange.address)
    }
    return result
  }
  return {
    name: 'authenticate',
    run(exchange) {
      const { authorization, authorizationRepeated: repeated } = exchange.head
      const toldBefore = changesTold()
      const result = authenticate({ authorization, repeated }, exchange.address)
      if (!(result instanceof Promise)) return keep(exchange, result)
      return result.then((later) => {
        const verdict = keep(exchange, later)
        // A change that was told between the answer of the store and this line has found no such request to judge again.
        return verdict === undefined && changesTold() !== toldBefore ? confirm(exchange) : verdict
      })
    },
  }
}
