import { randomBytes } from 'node:crypto'
import { chmodSync, linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { AnswersUnder } from '../store/idempotency-store.ts'
import { createSecretBox, type MasterKey, masterKey, type SecretBox } from './secret-box.ts'

/** The master keys can't be had. The message says what to do and never holds one. */
export class MasterKeyProblem extends Error {
  override readonly name = 'MasterKeyProblem'
}

export interface MasterKeyOptions {
  readonly env: NodeJS.ProcessEnv
  /** Where a key is made and kept when the environment names none: `<store>.key`. Left out: then there must be one. */
  readonly file?: string
  /** Ids of the master keys that ciphertexts in the store were made with. */
  readonly inUse: readonly string[]
}

export interface OpenedBox {
  readonly box: SecretBox
  /** Of those in use, what no key that is here can open. */
  readonly missing: readonly string[]
}

/**
 * Opens the box that secrets at rest are kept in. The key is SALLYPORT_MASTER_KEY, or in the file that
 * SALLYPORT_MASTER_KEY_FILE names, or in `file`, which is made with mode 0600 where there is none.
 * SALLYPORT_MASTER_KEY_OLD holds retired ones; one in `file` is taken for retired when another is set.
 * @throws MasterKeyProblem
 */
export function openSecretBox({ env, file, inUse }: MasterKeyOptions): OpenedBox {
  const given = fromEnvironment(env)
  const current = given ?? fromStoreFile(file, inUse)
  // Whoever sets the variable later, or for the gateway alone and not for the command line, loses nothing.
  const kept = given !== undefined && file !== undefined ? readIfThere(file) : undefined
  const old = (env.SALLYPORT_MASTER_KEY_OLD ?? '').split(',').filter((text) => text.trim() !== '')
  const retired = old.map((text, index) => readKey(text, `key ${index + 1} in SALLYPORT_MASTER_KEY_OLD`))
  if (retired.length > retiredMax) {
    throw new MasterKeyProblem(
      `SALLYPORT_MASTER_KEY_OLD holds ${retired.length} keys; ${retiredMax} are enough. Run a secret_rotation job, then take out those that nothing is encrypted with`,
    )
  }
  const box = createSecretBox(current, kept === undefined ? retired : [...retired, kept])
  return { box, missing: inUse.filter((id) => !box.masterKeyIds.includes(id)) }
}

function fromEnvironment(env: NodeJS.ProcessEnv): MasterKey | undefined {
  const { SALLYPORT_MASTER_KEY: text = '', SALLYPORT_MASTER_KEY_FILE: file = '' } = env
  if (text !== '' && file !== '') {
    throw new MasterKeyProblem('SALLYPORT_MASTER_KEY and SALLYPORT_MASTER_KEY_FILE are both set. Keep one of them')
  }
  if (text !== '') return readKey(text, 'SALLYPORT_MASTER_KEY')
  if (file === '') return undefined
  try {
    return readKey(readFileSync(file, 'utf8'), `the file ${file} (SALLYPORT_MASTER_KEY_FILE)`)
  } catch (error) {
    if (error instanceof MasterKeyProblem) throw error
    throw new MasterKeyProblem(`can't read the file ${file} that SALLYPORT_MASTER_KEY_FILE names: ${reason(error)}`)
  }
}

function fromStoreFile(file: string | undefined, inUse: readonly string[]): MasterKey {
  if (file === undefined) {
    throw new MasterKeyProblem(
      `there is no master key, and the store is shared: every node needs the same one, and none can make it alone. Once for all of them ${howToMake}, or SALLYPORT_MASTER_KEY_FILE to a file that holds it`,
    )
  }
  try {
    const kept = readIfThere(file)
    if (kept !== undefined) return kept
    // A fresh key would open none of them: more likely the environment of this process lacks the right one.
    if (inUse.length > 0) {
      throw new MasterKeyProblem(
        `the store holds secrets encrypted with the master key ${inUse.join(', ')}, and there is no key here. Set SALLYPORT_MASTER_KEY to that one, or put its file back at ${file}. If it is lost for good, so are those secrets (keys go on working, they can't be revealed): ${howToMake}`,
      )
    }
    return makeFile(file)
  } catch (error) {
    if (error instanceof MasterKeyProblem) throw error
    throw new MasterKeyProblem(
      `can't keep the master key in ${file}: ${reason(error)}. Make the folder writable, or set SALLYPORT_MASTER_KEY`,
    )
  }
}

function readIfThere(file: string): MasterKey | undefined {
  const stats = statSync(file, { throwIfNoEntry: false })
  if (stats === undefined) return undefined
  // Copied back from a backup it may have got the rights that others' files have.
  if ((stats.mode & 0o077) !== 0) chmodSync(file, 0o600)
  return readKey(readFileSync(file, 'utf8'), `the file ${file}`)
}

function makeFile(file: string): MasterKey {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const draft = `${file}.${process.pid}-${randomBytes(6).toString('hex')}`
  writeFileSync(draft, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600, flag: 'wx', flush: true })
  try {
    // A link appears whole or not at all: of two that start at once, the second reads what the first has made.
    linkSync(draft, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(draft, { force: true })
  }
  return readKey(readFileSync(file, 'utf8'), `the file ${file}`)
}

/** @param where for the message; the text itself is never in one. */
function readKey(text: string, where: string): MasterKey {
  const trimmed = text.trim()
  const bytes = Buffer.from(trimmed, 'base64')
  // Node skips what is not base64: only what gives the same text again was base64 from end to end.
  if (bytes.length !== 32 || bytes.toString('base64').replace(padding, '') !== trimmed.replace(padding, '')) {
    throw new MasterKeyProblem(`${where} is not 32 bytes in base64. Make one with: openssl rand -base64 32`)
  }
  return masterKey(bytes)
}

/** For the log: which ciphertexts can't be read, and what brings them back. */
export const missingMasterKeys = (missing: readonly string[]): string =>
  `the store holds secrets encrypted with master keys that are not here: ${missing.join(', ')}. Add them to SALLYPORT_MASTER_KEY_OLD; until then those secrets can't be used`

/** For the log: answers that can't be given again. Nothing is made twice for that: their repeats are refused. */
export const missingForAnswers = (missing: readonly AnswersUnder[]): string =>
  `answers to requests with an Idempotency-Key are encrypted with master keys that are not here: ${missing
    .map(({ masterKeyId, until }) => `${masterKeyId} until ${new Date(until).toISOString()}`)
    .join(
      ', ',
    )}. Until then their repeats are answered 409; add the keys to SALLYPORT_MASTER_KEY_OLD to have them answered`

const retiredMax = 20
const howToMake = 'make a key with "openssl rand -base64 32" and set SALLYPORT_MASTER_KEY to it'
const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Looked for from the first `=` of a row alone: text of nothing else must not take its square. */
const padding = /(?<!=)=+$/
