import type { Clock } from '../clock.ts'
import type { Connection } from './connection.ts'

/**
 * Ends connections whose caller does not take its answer. Refusals as well: they wait in memory, and nobody else looks at a
 * connection whose answer is written and not taken, so that without this it would stay for ever.
 * @returns what to call now and then.
 */
export function slowReaders(
  connections: ReadonlyMap<unknown, Connection>,
  clock: Pick<Clock, 'monotonic'>,
  idleMs: number,
  closed: () => void,
): () => void {
  return () => {
    const now = clock.monotonic()
    for (const connection of connections.values()) {
      const { socket } = connection
      // An answer that is under way and of which nothing waits is not the caller's doing.
      if (socket.writableLength === 0) {
        connection.takenAt = 0
        continue
      }
      const taken = socket.bytesWritten - socket.writableLength
      if (connection.takenAt === 0 || taken !== connection.taken) {
        connection.taken = taken
        connection.takenAt = now
      } else if (now - connection.takenAt > idleMs) {
        socket.resetAndDestroy?.()
        socket.destroy()
        closed()
      }
    }
  }
}
