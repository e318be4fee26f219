import { StoreConflict, StoreRefused, StoreUnavailable } from '../store.ts'
import type { ThreadError } from './messages.ts'

/** What SQLite says, in the words of the store contract. Messages of SQLite name columns, never values. */
export function toStoreError({ code, message }: ThreadError): StoreConflict | StoreRefused | StoreUnavailable {
  if (code === uniqueViolation || code === primaryKeyViolation) {
    const column = message.slice(message.lastIndexOf('.') + 1)
    return new StoreConflict(column === 'sha256' ? 'secret' : column)
  }
  if (refusals.has(code & 0xff)) return new StoreRefused(`the store refuses it: ${message}`)
  return new StoreUnavailable(`the store can't answer: ${message}`, { cause: { code, message } })
}

/** Why the file could not be opened, and what to do next. */
export function toOpenError(path: string, error: unknown): StoreUnavailable {
  const { code, message } = describeError(error)
  const advice = typeof code === 'number' ? sqliteAdvice[code & 0xff] : fileAdvice[code]
  return new StoreUnavailable(`can't open the store ${path}: ${advice ?? `${message}.`}`, { cause: error })
}

/** Too big, a constraint that does not hold, the wrong kind, a parameter too many: https://sqlite.org/rescode.html. */
const refusals: ReadonlySet<number> = new Set([18, 19, 20, 25])
const uniqueViolation = 2067
const primaryKeyViolation = 1555

const noPermission =
  'permission denied. The user that runs Sallyport must be able to read and write the file and its folder.'
const full = 'no space is left on the disk. Make room, or move the file and change "store".'

const sqliteAdvice: Readonly<Record<number, string>> = {
  3: noPermission,
  5: 'another process keeps it locked. End that process, or wait until it has finished, and start again.',
  8: noPermission,
  10: 'the disk can\'t be read or written. Check it, or move the file to another one and change "store".',
  11: 'the file is damaged. Put a backup in its place.',
  13: full,
  14: 'the file can\'t be opened. Check that the path under "store" is a file in a folder that Sallyport may write to.',
  23: noPermission,
  26: 'it is not a SQLite database. Name another file under "store", or put a backup in its place.',
}

const fileAdvice: Readonly<Record<string, string>> = {
  EACCES: noPermission,
  EPERM: noPermission,
  EROFS: 'the file system is read-only. Name a file on one that can be written under "store".',
  ENOSPC: full,
  EISDIR: 'this is a folder. Name a file under "store", for example sqlite:data/sallyport.db.',
  ENOENT: 'no folder can be made there. Correct the path under "store".',
  ENOTDIR: 'a part of the path is a file, not a folder. Correct the path under "store".',
  EEXIST: 'a part of the path is a file, not a folder. Correct the path under "store".',
}

function describeError(error: unknown): { code: number | string; message: string } {
  if (!(error instanceof Error)) return { code: '', message: String(error) }
  const { cause = error, message } = error
  if (typeof cause !== 'object' || cause === null) return { code: '', message }
  if ('errcode' in cause) return { code: Number(cause.errcode), message }
  const code = 'code' in cause ? cause.code : ''
  return { code: typeof code === 'number' ? code : String(code), message }
}
