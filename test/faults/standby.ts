import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type PostgresServer, startPostgresServer } from '../helpers/postgres-server.ts'

/**
 * A standby of a server, from a copy of its files: it has what there was then and follows no further, as one does whose
 * primary is gone or far ahead. The server is away while it is copied, and is started again. Same user, same password.
 */
export async function startStandby(server: PostgresServer): Promise<PostgresServer> {
  await server.kill()
  const standby = await startPostgresServer({
    settings: ['hot_standby = on'],
    prepare(data) {
      rmSync(data, { recursive: true })
      cpSync(join(server.folder, 'data'), data, { recursive: true, verbatimSymlinks: true })
      rmSync(join(data, 'postmaster.pid'), { force: true })
      writeFileSync(join(data, 'standby.signal'), '')
      chmodSync(data, 0o700)
      if (process.getuid?.() === 0) execFileSync('chown', ['-R', '65534:65534', data])
    },
  })
  await server.restart()
  return standby
}
