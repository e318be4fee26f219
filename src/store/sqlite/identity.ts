import { statSync } from 'node:fs'
import { StoreUnavailable } from '../store.ts'

/**
 * The file that is at a path now, to be asked later whether it is still the one. A connection goes on with a file that was
 * taken away: what is written to it is answered as done, and nobody will ever find it again.
 * @returns a function that throws StoreUnavailable, with what to do, while another file or none is there.
 */
export function sameFile(path: string): () => void {
  const first = statSync(path, { bigint: true })
  return () => {
    const there = statSync(path, { bigint: true, throwIfNoEntry: false })
    if (there === undefined) {
      throw new StoreUnavailable(
        `the file of the store is no longer there (${path}). Put it back with its -wal and -shm, or stop Sallyport, put a backup in its place and start it again.`,
      )
    }
    if (there.ino === first.ino && there.dev === first.dev) return
    throw new StoreUnavailable(
      `another file is in the place of the store (${path}). Stop Sallyport, put the right one there without -wal and -shm, and start it again.`,
    )
  }
}
