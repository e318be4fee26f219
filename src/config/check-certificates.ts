import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'

/** PEM, with the name of the file that it was read from. */
export interface NamedText {
  readonly file: string
  readonly text: string
}

export interface CertificateComplaint {
  readonly file: 'cert' | 'key'
  readonly message: string
}

/** What is wrong with a file of authorities, as it is now. */
export async function authoritiesComplaint(file: string): Promise<string | undefined> {
  return complaintOfAuthorities(await read(file))
}

/** What is wrong with a certificate of ours or its private key, as they are now, and with which of the two files. */
export async function certificateComplaint({
  cert,
  key,
}: {
  readonly cert: string
  readonly key: string
}): Promise<CertificateComplaint | undefined> {
  const [certRead, keyRead] = await Promise.all([read(cert), read(key)])
  return complaintOfCertificate(certRead, keyRead)
}

/**
 * The same for a text that is at hand: with no certificate in it that can be read, nobody could be trusted by it, and every
 * connection would fail as if the server were at fault.
 */
export function complaintOfAuthorities({ file, text }: NamedText): string | undefined {
  return listComplaint(file, certificatesIn(text), "of the authority that signs the server's certificate")
}

/** The same for texts that are at hand. */
export function complaintOfCertificate(cert: NamedText, key: NamedText): CertificateComplaint | undefined {
  const certificates = certificatesIn(cert.text)
  const complaint = listComplaint(cert.file, certificates, 'of the certificate, and of those that it is signed by,')
  if (complaint !== undefined) return { file: 'cert', message: complaint }
  const own = new X509Certificate(certificates[0] ?? '')
  const privateKey = privateKeyIn(key.text)
  if (privateKey === undefined) {
    return {
      file: 'key',
      message: `${key.file} holds no private key that can be read; put it there as PEM, without a passphrase`,
    }
  }
  if (!own.checkPrivateKey(privateKey)) {
    return {
      file: 'key',
      message: `${key.file} is not the key of the certificate in ${cert.file}; renew the two together`,
    }
  }
  try {
    createSecureContext({ cert: cert.text, key: key.text })
    return undefined
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return { file: 'cert', message: `${cert.file} can't be used: ${why}` }
  }
}

// What was taken away since somebody looked holds nothing either.
const read = async (file: string): Promise<NamedText> => ({
  file,
  text: await readFile(file, 'latin1').catch(() => ''),
})

const certificatesIn = (text: string): string[] => text.split(beginning).filter((part) => beginning.test(part))

function listComplaint(file: string, certificates: readonly string[], whose: string): string | undefined {
  if (certificates.length === 0) {
    return `${file} holds no certificate; put the PEM ${whose} into it (-----BEGIN CERTIFICATE-----)`
  }
  const broken = certificates.findIndex((certificate) => !isCertificate(certificate))
  if (broken === -1) return undefined
  return `certificate ${broken + 1} of ${certificates.length} in ${file} can't be read; copy it whole, from -----BEGIN to -----END`
}

const beginning = /(?=-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----)/

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0
  } catch {
    return false
  }
}

function privateKeyIn(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem)
  } catch {
    return undefined
  }
}
