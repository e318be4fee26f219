import { StoreConflict } from '../store/store.ts'

/** Ends the command with exit code 1 and this text on stderr. The text says what to do next. */
export class Failure extends Error {
  override readonly name = 'Failure'
}

/** The command line itself is wrong: exit code 2, with a pointer to the help. */
export class UsageFailure extends Error {
  override readonly name = 'UsageFailure'
}

/** For `.catch`: what is there already, and what to do about it. */
export const conflictSays =
  (hint: string) =>
  (error: unknown): never => {
    if (!(error instanceof StoreConflict)) throw error
    throw new Failure(`${error.message}; ${hint}`)
  }
