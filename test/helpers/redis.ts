import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import { eventually } from './eventually.ts'

/** A Redis server of the test's own, which may do with it what it wants. Nothing of it outlives the process that started it. */
export interface RedisServer extends AsyncDisposable {
  /** As it stands in gateway.yaml; has a key prefix of its own. */
  readonly url: string
  readonly port: number
  /** A client for looking in and for doing damage. */
  readonly client: Redis
  /** Ends it as the machine would: no save, no good-bye. */
  kill(): Promise<void>
  /** Starts it anew, empty, at the same address. */
  restart(): Promise<void>
  /** It takes connections and answers nothing. */
  hang(): void
  resume(): void
}

/**
 * The server of REDIS_URL where it is given, else one of the test's own: for what only counts, and harms nobody else there.
 * Every call has a key prefix of its own.
 */
export async function useRedis(): Promise<Pick<RedisServer, 'url' | 'client'> & AsyncDisposable> {
  const given = process.env.REDIS_URL
  if (given === undefined || given === '') return startRedis()
  const client = new Redis(given, { maxRetriesPerRequest: 3 })
  const url = `${given}${given.includes('?') ? '&' : '?'}prefix=${newPrefix()}`
  return { url, client, [Symbol.asyncDispose]: async () => client.disconnect() }
}

export const newPrefix = (): string => `test-${Math.random().toString(36).slice(2, 10)}`

export interface RedisOptions {
  /** Lines of redis.conf. */
  readonly settings?: readonly string[]
  /** Also a port of 127.0.0.1; without it there is a Unix socket alone, which no two tests can both want. */
  readonly tcp?: boolean
  readonly sentinel?: boolean
  /** What the settings make it ask for. */
  readonly password?: string
}

/** @throws when there is no redis-server and none can be fetched: a test that needs one must fail, not pass by. */
export async function startRedis({
  settings = [],
  tcp = false,
  sentinel = false,
  password,
}: RedisOptions = {}): Promise<RedisServer> {
  const program = await findRedisServer()
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-redis-'))
  const socket = join(folder, 'redis.sock')
  const port = tcp ? await freePort() : 0
  const config = [`dir ${folder}`, `port ${port}`, 'bind 127.0.0.1', `unixsocket ${socket}`, 'unixsocketperm 700']
  if (!sentinel) config.push('save ""', 'appendonly no')
  config.push(...settings)

  let running = await run(program, config, sentinel, folder)
  const client = new Redis({
    path: socket,
    retryStrategy: () => 20,
    maxRetriesPerRequest: null,
    ...(password === undefined ? {} : { password }),
    disableClientInfo: true,
  })
  client.on('error', () => {})
  const answering = () => eventually('Redis to answer', async () => (await client.ping()) === 'PONG')
  await answering()

  const kill = async (): Promise<void> => {
    process.kill(running.pid, 'SIGKILL')
    await running.ended
    running.guardian.stdin?.end()
  }
  const prefix = newPrefix()
  return {
    url: tcp ? `redis://127.0.0.1:${port}?prefix=${prefix}` : `redis+unix://${socket}?prefix=${prefix}`,
    port,
    client,
    kill,
    async restart() {
      running = await run(program, config, sentinel, folder)
      await answering()
    },
    hang: () => void process.kill(running.pid, 'SIGSTOP'),
    resume: () => void process.kill(running.pid, 'SIGCONT'),
    async [Symbol.asyncDispose]() {
      client.disconnect()
      running.guardian.stdin?.end()
      await running.ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}

interface Running {
  readonly guardian: ChildProcess
  readonly pid: number
  readonly ended: Promise<unknown>
}

/**
 * Redis under a shell that waits for the end of its standard input: it comes when this process ends in whatever way,
 * SIGKILL included, and then the shell ends Redis and takes its folder away.
 */
async function run(
  program: RedisProgram,
  config: readonly string[],
  sentinel: boolean,
  folder: string,
): Promise<Running> {
  const guardian = spawn('sh', ['-c', guard, 'sh', folder, config.join('\n'), ...(sentinel ? ['--sentinel'] : [])], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...process.env, ...program.env, REDIS_SERVER: program.file },
  })
  guardian.stdin?.on('error', () => {})
  const ended = once(guardian, 'exit')
  const first = await Promise.race([once(guardian.stdout as NonNullable<typeof guardian.stdout>, 'data'), ended])
  const pid = Number(String(first[0]).trim())
  if (!(pid > 1)) throw new Error('redis-server did not start')
  return { guardian, pid, ended }
}

const guard = `
  folder=$1; printf '%s\\n' "$2" > "$folder/redis.conf"; shift 2
  exec 3<&0
  "$REDIS_SERVER" "$folder/redis.conf" "$@" > "$folder/redis.log" 2>&1 3<&- & redis=$!
  echo $redis
  (cat > /dev/null; touch "$folder/over"; kill -KILL $redis) <&3 2> /dev/null & watch=$!
  wait $redis 2> /dev/null
  if [ -e "$folder/over" ]; then rm -rf "$folder"; else kill $watch; fi
  exit 0
`

interface RedisProgram {
  readonly file: string
  readonly env: NodeJS.ProcessEnv
}

/** The one on PATH, or one unpacked from the distribution's packages into the temporary folder: needs no root. */
async function findRedisServer(path = process.env.PATH ?? ''): Promise<RedisProgram> {
  for (const folder of path.split(delimiter)) {
    const file = join(folder, 'redis-server')
    if (await isThere(file)) return { file, env: {} }
  }
  const cache = join(tmpdir(), `sallyport-redis-server-${process.getuid?.() ?? 0}`)
  if (!(await isThere(join(cache, 'usr/bin/redis-server')))) await unpackInto(cache)
  const libraries = await readdir(join(cache, 'usr/lib'))
  const triplets = libraries.filter((name) => name.endsWith('-gnu')).map((name) => join(cache, 'usr/lib', name))
  return { file: join(cache, 'usr/bin/redis-server'), env: { LD_LIBRARY_PATH: triplets.join(delimiter) } }
}

async function unpackInto(cache: string): Promise<void> {
  const folder = await mkdtemp(`${cache}-`)
  try {
    const exec = promisify(execFile)
    await exec('apt-get', ['download', ...packages], { cwd: folder })
    const files = (await readdir(folder)).filter((name) => name.endsWith('.deb'))
    await mkdir(join(folder, 'root'))
    for (const file of files) await exec('dpkg', ['-x', join(folder, file), join(folder, 'root')])
    // Another test file may have been quicker: its copy is as good.
    await rename(join(folder, 'root'), cache).catch(() => {})
  } catch (cause) {
    throw new Error('these tests need Redis: put redis-server on the PATH', { cause })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** redis-server is a link into redis-tools; what these need beyond a minimal system comes along. */
const packages = ['redis-server', 'redis-tools', 'libjemalloc2', 'liblua5.1-0', 'liblzf1', 'lua-bitop', 'lua-cjson']

const isThere = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  )

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
