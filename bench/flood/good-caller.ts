import { Agent, request } from 'node:http'

export interface Call {
  readonly ms: number
  /** 0 when there was no answer. */
  readonly status: number
}

const perSecond = 50
const timeoutMs = 10_000

/**
 * Somebody with a good key, 50 requests a second, whether those before are answered or not: what waits counts as waiting.
 * Connections are kept, and what breaks on a kept one is tried once more, as clients do.
 */
export function callSteadily(port: number, key: string) {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  const one = (retry: boolean): Promise<number> =>
    new Promise((resolve) => {
      const headers = { authorization: `Bearer ${key}` }
      const call = request(
        { agent, host: '127.0.0.1', port, path: '/things/1', headers, timeout: timeoutMs },
        (answer) => {
          answer.resume()
          answer.on('end', () => resolve(answer.statusCode ?? 0))
          answer.on('error', () => resolve(0))
        },
      )
      call.on('timeout', () => call.destroy())
      call.on('error', () => (call.reusedSocket && retry ? void one(false).then(resolve) : resolve(0)))
      call.end()
    })
  return {
    /** Every call that was begun in so many seconds, once all of them have ended. */
    async during(seconds: number): Promise<Call[]> {
      const calls: Promise<Call>[] = []
      const begun = performance.now()
      for (let count = 0; count < seconds * perSecond; count++) {
        const due = begun + (count * 1000) / perSecond
        const early = due - performance.now()
        if (early > 0) await new Promise((resolve) => setTimeout(resolve, early))
        const at = performance.now()
        calls.push(one(true).then((status) => ({ ms: performance.now() - at, status })))
      }
      return Promise.all(calls)
    },
    end: () => agent.destroy(),
  }
}
