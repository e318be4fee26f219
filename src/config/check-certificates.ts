import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'

/**
 * What is wrong with a file of authorities: with none in it that can be read, nobody could be trusted by it, and every
 * connection would fail as if the server were at fault.
 */
export async function authoritiesComplaint(file: string): Promise<string | undefined> {
  return listComplaint(file, certificatesIn(await read(file)), "of the authority that signs the server's certificate")
}

/** What is wrong with a certificate of ours or its private key, and with which of the two files. */
export async function certificateComplaint({
  cert,
  key,
}: {
  readonly cert: string
  readonly key: string
}): Promise<{ readonly file: 'cert' | 'key'; readonly message: string } | undefined> {
  const [text, keyText] = await Promise.all([read(cert), read(key)])
  const certificates = certificatesIn(text)
  const complaint = listComplaint(cert, certificates, 'of the certificate, and of those that it is signed by,')
  if (complaint !== undefined) return { file: 'cert', message: complaint }
  const own = new X509Certificate(certificates[0] ?? '')
  const privateKey = privateKeyIn(keyText)
  if (privateKey === undefined) {
    return {
      file: 'key',
      message: `${key} holds no private key that can be read; put it there as PEM, without a passphrase`,
    }
  }
  if (!own.checkPrivateKey(privateKey)) {
    return { file: 'key', message: `${key} is not the key of the certificate in ${cert}; renew the two together` }
  }
  try {
    createSecureContext({ cert: text, key: keyText })
    return undefined
  } catch (error) {
    return { file: 'cert', message: `${cert} can't be used: ${error instanceof Error ? error.message : String(error)}` }
  }
}

// What was taken away since somebody looked holds nothing either.
const read = (file: string): Promise<string> => readFile(file, 'latin1').catch(() => '')

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
