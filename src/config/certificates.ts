import { readFileSync } from 'node:fs'
import { complaintOfAuthorities, complaintOfCertificate, type NamedText } from './check-certificates.ts'
import type { Config } from './schema.ts'

/** In PEM. */
export interface Certificate {
  /** With those that it is signed by. */
  readonly cert: string
  readonly key: string
}

/** What the certificate files of a configuration held when it was read. Files are renewed in place: who needs them later asks here. */
export interface Certificates {
  /** Of the data plane; undefined where it has no TLS. */
  readonly listener: Certificate | undefined
  /** Whom upstreams with `tls.ca` have to be signed by, by the name of the upstream. */
  readonly authorities: ReadonlyMap<string, string>
}

/**
 * Judges what it has read: a file that was checked before may have been cut short since.
 * @param before those in force: whether the data plane speaks TLS stays as it was when it began to listen.
 * @throws when a file can't be read, or does not hold what it should.
 */
export function readCertificates({ tls, upstreams }: Config, before?: Certificates): Certificates {
  const plain = before !== undefined && before.listener === undefined
  const authorities = new Map<string, string>()
  for (const [name, upstream] of Object.entries(upstreams)) {
    if (upstream.tls?.ca !== undefined) authorities.set(name, authoritiesIn(read(upstream.tls.ca)))
  }
  if (plain || tls === undefined) return { listener: before?.listener, authorities }
  return { listener: certificateIn(read(tls.cert), read(tls.key)), authorities }
}

function authoritiesIn(authorities: NamedText): string {
  const complaint = complaintOfAuthorities(authorities)
  if (complaint !== undefined) throw new Error(complaint)
  return authorities.text
}

function certificateIn(cert: NamedText, key: NamedText): Certificate {
  const complaint = complaintOfCertificate(cert, key)
  if (complaint !== undefined) throw new Error(complaint.message)
  return { cert: cert.text, key: key.text }
}

const read = (file: string): NamedText => ({ file, text: readFileSync(file, 'latin1') })

/** The files that `readCertificates` reads. */
export const certificateFiles = ({ tls, upstreams }: Config): string[] => [
  ...(tls ? [tls.cert, tls.key] : []),
  ...Object.values(upstreams).flatMap((upstream) => upstream.tls?.ca ?? []),
]
