import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import PQueue from 'p-queue'

/**
 * Passwords are kept as scrypt hashes with their parameters beside them, so that those can be raised later:
 * `scrypt$<N>$<r>$<p>$<salt>$<hash>`. scrypt and not argon2: the latter is a release candidate in Node 24, and missing
 * where Node is linked to an older OpenSSL; the same file must open on every machine.
 */
export interface Passwords {
  /** @throws PasswordsBusy */
  hash(password: string): Promise<string>
  /**
   * Takes the same time whether there is a hash to compare with or not. @throws PasswordsBusy
   * @param stored null or undefined for an account that is not there or has no password: false.
   * @param from a stranger waits behind those who are known, of whom others can't make more.
   */
  verify(password: string, stored: string | null | undefined, from: 'known' | 'stranger'): Promise<boolean>
}

/** Too many wait for their turn already; each costs 32 MB and a tenth of a second or two of one core. */
export class PasswordsBusy extends Error {
  override readonly name = 'PasswordsBusy'
}

/** One at a time, in the thread pool: log-ins must leave the cores and the pool to the traffic. */
export function createPasswords(): Passwords {
  const queue = new PQueue({ concurrency: 1 })
  const derive = async (password: string, { salt, size, ...cost }: Derivation, isKnown: boolean): Promise<Buffer> => {
    if (queue.size >= (isKnown ? waitingMax + reservedMax : waitingMax)) {
      throw new PasswordsBusy('too many log-ins at once')
    }
    return queue.add(() => scryptAsync(password, salt, size, cost), { priority: Number(isKnown) })
  }
  const nobody = { ...present, salt: randomBytes(saltBytes), size: hashBytes }

  return {
    async hash(password) {
      const salt = randomBytes(saltBytes)
      const derived = await derive(password, { ...present, salt, size: hashBytes }, true)
      const { N, r, p } = present
      return ['scrypt', N, r, p, salt.toString('base64url'), derived.toString('base64url')].join('$')
    },
    async verify(password, stored, from) {
      const known = stored ? parse(stored) : undefined
      const derived = await derive(password, known?.derivation ?? nobody, from === 'known')
      return known !== undefined && timingSafeEqual(derived, known.expected)
    },
  }
}

interface Cost {
  readonly N: number
  readonly r: number
  readonly p: number
}
type Derivation = Cost & { readonly salt: Buffer; readonly size: number }

/** OWASP's password storage cheat sheet, the setting with 32 MB. */
const present: Cost = { N: 2 ** 15, r: 8, p: 3 }
const saltBytes = 16
const hashBytes = 32
/** Who is behind more than these waits for seconds. */
const waitingMax = 10
/** Further places, so that a flood of strangers keeps nobody out who is known. */
const reservedMax = 10
/** A row that somebody has tampered with must not make us reserve all memory. */
const memoryMax = 256 * 1024 * 1024

function parse(stored: string): { readonly derivation: Derivation; readonly expected: Buffer } | undefined {
  const [, N, r, p, salt = '', expected = ''] = form.exec(stored) ?? []
  if (N === undefined) return undefined
  const derivation = {
    N: Number(N),
    r: Number(r),
    p: Number(p),
    salt: Buffer.from(salt, 'base64url'),
    size: hashBytes,
  }
  return { derivation, expected: Buffer.from(expected, 'base64url') }
}

const form = /^scrypt\$(\d{4,8})\$(\d{1,2})\$(\d{1,2})\$([\w-]{16,64})\$([\w-]{43})$/

function scryptAsync(password: string, salt: Buffer, size: number, cost: Cost): Promise<Buffer> {
  // What one keyboard composes and another does not must be the same password (NIST SP 800-63B, 5.1.1.2).
  const text = password.normalize('NFKC')
  return new Promise((resolve, reject) => {
    scrypt(text, salt, size, { ...cost, maxmem: memoryMax }, (error, derived) =>
      error ? reject(error) : resolve(derived),
    )
  })
}
