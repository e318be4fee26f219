import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'

/**
 * What is wrong with a file of authorities: with none in it that can be read, nobody could be trusted by it, and every
 * connection would fail as if the server were at fault.
 */
export async function authoritiesComplaint(file: string): Promise<string | undefined> {
  // What was taken away since somebody looked holds none either.
  const text = await readFile(file, 'latin1').catch(() => '')
  const certificates = text.split(beginning).filter((part) => beginning.test(part))
  if (certificates.length === 0) {
    return `${file} holds no certificate; put the PEM of the authority that signs the server's certificate into it (-----BEGIN CERTIFICATE-----)`
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
