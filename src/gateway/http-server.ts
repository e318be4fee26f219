import { createServer, type IncomingMessage, type Server, type ServerOptions } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Certificate } from '../config/certificates.ts'
import { complaintOfCertificate } from '../config/check-certificates.ts'
import type { Address, Config } from '../config/schema.ts'
import { headBytesMax } from './request-watch.ts'

/**
 * Node's server, as strict as it can be made and with no limits that it would keep without a word.
 * @param certificate undefined: it speaks no TLS. @param mayUpgrade whether Node may take its hands off the connection of this request.
 * @throws when the certificate is not one, or its key not that of it.
 */
export function openServer(
  { timeouts }: Pick<Config, 'timeouts'>,
  certificate: Certificate | undefined,
  mayUpgrade: (request: IncomingMessage) => boolean,
): Server {
  const options: ServerOptions = {
    insecureHTTPParser: false,
    // Missing and repeated Host are ours to refuse, with a body that says why.
    requireHostHeader: false,
    maxHeaderSize: headBytesMax,
    headersTimeout: timeouts.head,
    // A long upload is not an attack; silence inside a body is bounded by Forwarding.
    requestTimeout: 0,
    keepAliveTimeout: timeouts.keep_alive,
    connectionsCheckingInterval: Math.min(1000, timeouts.head),
    noDelay: true,
    // Not for 1.0, which has no upgrades (RFC 9110 section 7.8). Without a body, and not to another HTTP, or TLS that carries
    // it: that would be a second parser for what was judged by the first.
    shouldUpgradeCallback: (request: IncomingMessage) => {
      const { headers } = request
      return (
        request.httpVersion === '1.1' &&
        headers['transfer-encoding'] === undefined &&
        (headers['content-length'] ?? '0') === '0' &&
        !/\b(?:h2|http|tls)/i.test(headers.upgrade ?? '') &&
        mayUpgrade(request)
      )
    },
  }
  if (certificate) judge(certificate)
  const server = certificate
    ? createTlsServer({ ...options, ...certificate, handshakeTimeout: timeouts.head })
    : createServer(options)
  // Node would leave out what comes beyond 2,000 without a word; head.ts counts and refuses.
  server.maxHeadersCount = 0
  server.maxRequestsPerSocket = 0
  // Not in Node's documentation. Without it who sends FIN behind a whole request gets no answer; Connection ends those that are gone.
  Object.assign(server, { httpAllowHalfOpen: true })
  return server
}

/**
 * @returns what gives a certificate to connections from then on; those that are there keep theirs. A server without TLS has none.
 * @throws when it is not one, or its key not that of it.
 */
export function renewal(server: Server, certificate: Certificate): () => void {
  if (!('setSecureContext' in server)) return () => {}
  judge(certificate)
  return () => (server as TlsServer).setSecureContext({ ...certificate })
}

/** Node would take an empty certificate or key, and a key of another kind; then every handshake fails. */
function judge({ cert, key }: Certificate): void {
  const complaint = complaintOfCertificate({ file: 'tls.cert', text: cert }, { file: 'tls.key', text: key })
  if (complaint !== undefined) throw new Error(complaint.message)
}

/** @returns where it listens: the port is the one that was found where 0 was asked for. */
export async function listen(server: Server, { host, port }: Address): Promise<{ host: string; port: number }> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, backlog: 4096 }, () => {
      server.off('error', reject)
      resolve()
    })
  })
  const { address, port: actual } = server.address() as AddressInfo
  return { host: address, port: actual }
}
