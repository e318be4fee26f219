import { onTestFinished } from 'vitest'

/**
 * Disposed when the test is over, behind all that it began later. What goes at the end of the test's own block goes before its
 * tabs do, and a tab that still asks something sees its gateway go.
 */
export async function forThisTest<T extends AsyncDisposable>(starting: T | Promise<T>): Promise<T> {
  const started = await starting
  onTestFinished(() => started[Symbol.asyncDispose]())
  return started
}
