import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { startPostgresServer } from './postgres-server.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The Unix socket on which the run starts services for test files. */
    servicesSocket: string
  }
}

interface Service {
  readonly url: string
  stop(): Promise<void>
}

/** What tests can ask for by name, see `serviceUrl`. One of each for the whole run, started when the first file asks. */
const services: Readonly<Record<string, () => Promise<Service>>> = {
  postgres: startPostgres,
}

/** Vitest's global set-up: runs once, in the process that outlives all test files. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-services-'))
  // Hundreds of processes run the program: each after the first takes half the time to start.
  process.env.NODE_COMPILE_CACHE ??= join(folder, 'compiled')
  const socket = join(folder, 'socket')
  const started = new Map<string, Promise<Service>>()

  const answer = async (name: string): Promise<object> => {
    const start = services[name]
    if (start === undefined) return { error: `there is no service ${name}` }
    const service = started.get(name) ?? start()
    started.set(name, service)
    return { url: (await service).url }
  }
  const server = createServer((connection) => {
    connection.on('error', () => connection.destroy())
    connection.once('data', (name) => {
      answer(name.toString().trim())
        .catch((error: unknown) => ({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }))
        .then((reply) => connection.end(JSON.stringify(reply)))
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(socket, () => resolve())
  })
  project.provide('servicesSocket', socket)

  return async () => {
    server.close()
    for (const service of started.values()) await service.then(({ stop }) => stop()).catch(() => undefined)
    rmSync(folder, { recursive: true, force: true })
  }
}

/** `DATABASE_URL`, whose user must be allowed to make databases; else a private server. */
async function startPostgres(): Promise<Service> {
  const given = process.env.DATABASE_URL
  if (given !== undefined && given !== '') return { url: given, stop: async () => undefined }
  const server = await startPostgresServer()
  return { url: server.url(), stop: () => server.stop() }
}
