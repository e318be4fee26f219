import type { Duplex, Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { Clock } from '../clock.ts'
import type { ErrorCode } from '../errors.ts'
import { BodyLimit, BodyTooLarge } from './body-limit.ts'
import { BodyRate } from './body-rate.ts'
import type { Outbound } from './outbound.ts'
import { readResponseHeaders } from './response-headers.ts'
import { announcedTrailers, readTrailers } from './trailers.ts'
import { switchesAsAsked, tunnel } from './upgrade.ts'
import type { Upstream, UpstreamTarget } from './upstream.ts'
import { isProtocolError, isTimeout } from './upstream-errors.ts'
import type { WireListener } from './wire.ts'

const informationMax = 16

/**
 * Carries one request to an upstream and its response back, streaming both ways with back-pressure.
 * It is the handler that undici calls; its raw (version 1) interface, which hands over header bytes as they came.
 */
export class Forwarding implements Dispatcher.DispatchHandler, WireListener {
  readonly #outbound: Outbound
  readonly #upstream: Upstream
  /** As it was at the start: what is taken is given back under the same name. */
  readonly #caller: string
  readonly #clock: Clock
  /** Where it was sent to, as far as it was. */
  target: UpstreamTarget | undefined
  #abortUpstream: ((error?: Error) => void) | undefined
  #resumeUpstream: (() => void) | undefined
  /** Bytes of this request may have left: from here on it is never sent again. */
  #sent = false
  #retried = false
  #headSent = false
  #waitsForCaller = false
  #over = false
  #informations = 0
  #announced: ReadonlySet<string> | undefined
  #body: Readable | null = null
  #bodyRate: BodyRate | undefined
  #tunnelBytes: (() => number) | undefined
  #bytesSeen = 0
  #activeAt: number
  bytesIn = 0
  /** On the monotonic clock; undefined until the request was handed to the upstream's connection. */
  startedAt: number | undefined
  headAt: number | undefined

  constructor(outbound: Outbound, upstream: Upstream, clock: Clock) {
    this.#outbound = outbound
    this.#upstream = upstream
    this.#caller = outbound.caller
    this.#clock = clock
    this.#activeAt = clock.monotonic()
    outbound.wire.listener = this
  }

  start(except?: UpstreamTarget): void {
    const picked = this.#upstream.take(this.#caller, except)
    if (typeof picked === 'string') return this.#refuse(picked)
    this.target = picked
    const { method, upstreamTarget, upstreamHeaders, upgrade } = this.#outbound
    this.#body ??= this.#bodyToSend()
    const request = {
      path: upstreamTarget,
      method: method as Dispatcher.HttpMethod,
      headers: upstreamHeaders,
      body: this.#body,
      upgrade: upgrade ?? null,
      // Not in undici's types: whom its connections belong to, which must not change with the caller's Host.
      servername: picked.serverName,
    }
    picked.pool.dispatch(request, this)
  }

  /** Ends it from our side: revoked, or shutting down. `code` answers a caller that has got nothing yet. */
  cancel(code: ErrorCode): void {
    if (this.#over) return
    if (this.#headSent) this.#breakOff(code)
    else this.#refuse(code)
  }

  /** Called a few times a second: ends what has been silent for too long, and tells by whose fault. */
  checkDeadline(now: number): void {
    if (this.#over) return
    const { connect_timeout, response_timeout, idle_timeout } = this.#upstream.config
    const silentMs = now - this.#activeAt
    const { wire, bodyIdleMs, bodyRateMin } = this.#outbound
    const isBodyDue = wire.body !== undefined && !wire.requestComplete && !wire.body.isPaused()
    const bodyRate = isBodyDue ? (this.#bodyRate ?? new BodyRate(bodyRateMin, now, this.bytesIn)) : undefined
    this.#bodyRate = bodyRate
    if (this.#tunnelBytes !== undefined) {
      const bytes = this.#tunnelBytes()
      if (bytes !== this.#bytesSeen) this.#activeAt = now
      else if (silentMs > idle_timeout) this.#breakOff()
      this.#bytesSeen = bytes
    } else if (this.#headSent) {
      // A caller that does not take what is there holds up the upstream, which is not to blame.
      if (silentMs > idle_timeout) this.#breakOff(this.#waitsForCaller ? undefined : 'UPSTREAM_TIMEOUT')
    } else if (!this.#sent) {
      // undici ends an attempt after connect_timeout, in coarse steps; this is for a request that waits behind others.
      if (silentMs > connect_timeout * 2 + 1000) this.#refuse('UPSTREAM_TIMEOUT')
    } else if (bodyRate !== undefined) {
      if (silentMs > bodyIdleMs || bodyRate.isTooSlow(now, this.bytesIn)) this.#refuse('REQUEST_TIMEOUT')
    } else if (silentMs > response_timeout) {
      if (this.target) this.#upstream.failed(this.target, false, 'it did not answer in time')
      this.#refuse('UPSTREAM_TIMEOUT')
    }
  }

  callerReads(): void {
    if (this.#over) return
    this.#active()
    this.#waitsForCaller = false
    this.#resumeUpstream?.()
  }

  callerGone(): void {
    this.#end('caller gone')
  }

  onConnect(abort: (error?: Error) => void): void {
    if (this.#over) return abort()
    this.#abortUpstream = abort
    this.#sent = true
    this.startedAt = this.#active()
    this.#outbound.wire.sendContinue()
  }

  /** undici's types promise sizes here; what it passes is the chunk. */
  onBodySent(chunk: unknown): void {
    this.bytesIn += (chunk as Buffer).length
    this.#active()
  }

  onHeaders(status: number, raw: Buffer[], resume: () => void, reason: string): boolean {
    if (this.#over) return false
    this.#active()
    const headers = readResponseHeaders(raw, status, this.#outbound.corsIsOurs)
    if (headers === undefined) return this.#protocolError('its response can be read in two ways')
    if (status < 200) {
      if (++this.#informations > informationMax) return this.#protocolError('it sent too many informational responses')
      this.#outbound.wire.sendInformation(status, headers)
      return true
    }
    if (this.target) this.#upstream.answered(this.target)
    this.#resumeUpstream = resume
    this.#announced = announcedTrailers(raw)
    this.#sendHead(status, reason, headers)
    if ((status === 204 || status === 304) && announcesBody(raw)) return this.#endWithHead()
    return true
  }

  onData(chunk: Buffer): boolean {
    if (this.#over) return false
    this.#active()
    this.#waitsForCaller = !this.#outbound.wire.write(chunk)
    return !this.#waitsForCaller
  }

  onComplete(raw: Buffer[] | string[] | null): void {
    if (this.#over) return
    // undici takes a reset for the end of a body that has no length of its own; nobody knows whether it was whole.
    if (this.target?.isResetting()) return this.onError(new Error('it reset the connection inside a body'))
    this.#settle()
    const trailers = raw && raw.length > 0 ? readTrailers(raw as Buffer[], this.#announced) : undefined
    this.#outbound.wire.end(trailers)
  }

  onUpgrade(status: number, raw: Buffer[] | string[] | null, socket: Duplex): void {
    if (this.#over || status !== 101) {
      socket.destroy()
      return this.#over ? undefined : void this.#protocolError('it switched protocols with a wrong status')
    }
    if (!switchesAsAsked((raw ?? []) as Buffer[], this.#outbound.upgrade)) {
      socket.destroy()
      return void this.#protocolError('it switched to a protocol that nobody asked for')
    }
    this.#active()
    this.#headSent = true
    this.headAt = this.#activeAt
    if (this.target) this.#upstream.answered(this.target)
    this.#outbound.answered(101)
    const ours = this.#outbound.responseHeaders()
    const { bytes, breakOff } = tunnel(this.#outbound.wire, socket, (raw ?? []) as Buffer[], ours, () => this.#settle())
    this.#tunnelBytes = bytes
    this.#abortUpstream = breakOff
  }

  onError(error: Error): void {
    const target = this.target
    if (this.#over || target === undefined) return
    if (error instanceof BodyTooLarge) return this.cancel('BODY_TOO_LARGE')
    if (!this.#sent) {
      this.#upstream.failed(target, true, error.message)
      if (!this.#retried) return this.#retry(target)
      return this.#refuse(isTimeout(error) ? 'UPSTREAM_TIMEOUT' : 'UPSTREAM_UNAVAILABLE')
    }
    this.#upstream.failed(target, false, error.message)
    this.cancel(isProtocolError(error, this.#headSent) ? 'UPSTREAM_PROTOCOL_ERROR' : 'UPSTREAM_UNAVAILABLE')
  }

  /** A body whose length was told has been judged by it; the length of a chunked one shows while it comes. */
  #bodyToSend(): Readable | null {
    const { wire, contentLength, bodyBytesMax } = this.#outbound
    if (wire.body === undefined || contentLength !== undefined) return wire.body ?? null
    return wire.body.pipe(new BodyLimit(bodyBytesMax))
  }

  /** Not one byte was sent: another target (or, where there is one only, the same) may have it, once. */
  #retry(failed: UpstreamTarget): void {
    this.#retried = true
    this.#upstream.giveBack(this.#caller, failed)
    this.target = undefined
    this.#active()
    this.start(this.#upstream.targets.length > 1 ? failed : undefined)
  }

  #sendHead(status: number, reason: string, headers: string[]): void {
    const { wire } = this.#outbound
    this.headAt = this.#activeAt
    for (const text of this.#outbound.responseHeaders()) headers.push(text)
    try {
      wire.writeHead(status, reason, headers)
    } catch {
      return void this.#protocolError('its response head holds characters that HTTP does not allow')
    }
    this.#headSent = true
    this.#outbound.answered(status)
  }

  /** RFC 9112 section 6.3: no body follows, whatever length the head names; undici would wait for it. */
  #endWithHead(): false {
    if (this.#over) return false
    this.#outbound.wire.end(undefined)
    this.#end('no body follows')
    return false
  }

  #active(): number {
    this.#activeAt = this.#clock.monotonic()
    return this.#activeAt
  }

  #protocolError(why: string): false {
    if (this.target) this.#upstream.failed(this.target, false, why)
    this.cancel('UPSTREAM_PROTOCOL_ERROR')
    return false
  }

  #refuse(code: ErrorCode): void {
    this.#end(code)
    this.#outbound.fail(code)
  }

  /** @param code left out where it is nobody's fault but the caller's, or that of a tunnel in which nothing is said. */
  #breakOff(code?: ErrorCode): void {
    this.#end('broken off')
    if (code !== undefined) this.#outbound.brokenOff(code)
    this.#outbound.wire.abort()
  }

  #end(why: string): void {
    if (this.#over) return
    this.#settle()
    this.#abortUpstream?.(new Error(why))
  }

  #settle(): void {
    if (this.#over) return
    this.#over = true
    if (this.target) this.#upstream.giveBack(this.#caller, this.target)
  }
}

const announcesBody = (raw: readonly Buffer[]): boolean =>
  raw.some((name, index) => index % 2 === 0 && /^(content-length|transfer-encoding)$/i.test(name.toString('latin1')))
