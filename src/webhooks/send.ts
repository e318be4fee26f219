import { Agent, request } from 'undici'
import type { Clock } from '../clock.ts'
import type { DeliveryResponse } from '../store/webhooks-store.ts'
import { checkedLookup, dnsAddresses, machineAddresses, NameLeadsNowhere, type ResolveAddresses } from './connect.ts'
import { targetProblem } from './target.ts'

export interface SendOptions {
  readonly clock: Clock
  /** Left out: as DNS has it, or as the machine does where private targets are allowed. */
  readonly resolve?: ResolveAddresses | undefined
  readonly allowPrivate: () => boolean
  /** For everything, from the look-up of the name to the end of the answer. */
  readonly timeoutMs: number
  /** Takes keys out of what a target answers. */
  readonly redact: (text: string) => string
  readonly userAgent: string
}

/** One attempt. Never throws: what goes wrong is in the answer. */
export type Send = (
  url: string,
  headers: Record<string, string>,
  body: string,
  stopping: AbortSignal,
) => Promise<DeliveryResponse>

/**
 * Posts a message on a connection of its own, which is not kept: the address is checked each time, and a target that is
 * slow holds nothing but its own socket. Redirects are not followed; where they lead was never checked.
 */
export function createSend({ clock, resolve, allowPrivate, timeoutMs, redact, userAgent }: SendOptions): Send {
  return async (url, headers, body, stopping) => {
    const at = clock.now()
    const startedAt = performance.now()
    const ended = (status: number | null, text: string, error: string | null): DeliveryResponse => {
      const durationMs = Math.round(performance.now() - startedAt)
      return { at, status, durationMs, body: text, error }
    }
    const isPrivateAllowed = allowPrivate()
    // Again: the URL may be from a time when private targets were allowed. Sockets look up no name that is an address.
    const problem = targetProblem(url, isPrivateAllowed)
    if (problem !== undefined) return ended(null, '', `the URL ${problem}`)

    const late = AbortSignal.timeout(timeoutMs)
    const addresses = resolve ?? (isPrivateAllowed ? machineAddresses : dnsAddresses())
    const agent = new Agent({
      connect: { lookup: checkedLookup(addresses, isPrivateAllowed), timeout: timeoutMs },
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      maxResponseSize: -1,
      pipelining: 0,
    })
    try {
      const answer = await request(url, {
        method: 'POST',
        dispatcher: agent,
        signal: AbortSignal.any([late, stopping]),
        headers: { ...headers, 'content-type': 'application/json', 'user-agent': userAgent },
        body,
      })
      return ended(answer.statusCode, excerpt(await firstBytes(answer.body), redact), null)
    } catch (error) {
      if (stopping.aborted) return ended(null, '', 'the gateway was stopped')
      if (late.aborted) return ended(null, '', `no answer within ${timeoutMs / 1000} s`)
      return ended(null, '', reasonOf(error, isPrivateAllowed))
    } finally {
      void agent.destroy()
    }
  }
}

/** The status alone decides; a body that breaks off or never ends is kept as far as it came. */
async function firstBytes(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const chunk of body) {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes >= readMax) break
    }
  } catch {}
  return Buffer.concat(chunks).subarray(0, readMax)
}

/** Redacted before it is cut, and without a last word that was cut off itself: half a key would not be known for one. */
function excerpt(bytes: Buffer, redact: (text: string) => string): string {
  const text = bytes.toString('utf8').replaceAll('\0', '\uFFFD')
  const whole =
    bytes.length < readMax ? text : text.slice(0, -wordMax) + text.slice(-wordMax).replace(/(?<![\w.-])[\w.-]+$/, '')
  return Buffer.from(redact(whole))
    .subarray(0, keptMax)
    .toString('utf8')
    .replace(/(?<!\uFFFD)\uFFFD+$/, '')
}

/** For the administrator of the organization: what failed, and nothing that tells what else is on the network. */
function reasonOf(error: unknown, isPrivateAllowed: boolean): string {
  const causes = error instanceof Error ? [error, error.cause] : []
  if (causes.some((one) => one instanceof NameLeadsNowhere)) {
    return isPrivateAllowed ? 'its name could not be resolved' : 'its name does not lead to a public address'
  }
  const code = causes.flatMap((one) => (one instanceof Error && 'code' in one ? [String(one.code)] : []))
  return `the connection failed (${code.at(-1) ?? 'no code'})`
}

/** Longer than any key. */
const wordMax = 256
const keptMax = 1024
const readMax = 4096
