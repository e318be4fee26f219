import { createHash, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../../helpers/eventually.ts'
import { type Gateway, startGateway, type TestKey, testActor } from '../../helpers/gateway.ts'
import { plainRequest, publishDocument } from './documents.ts'
import { type Npm, npmUser } from './npm.ts'
import { type Registry, startRegistry } from './registry.ts'

/**
 * An API and a client that nobody here wrote: verdaccio, a package registry, behind the gateway, and npm in front of it.
 * The registry itself lets anybody publish; who may is decided by scopes.
 */
const config = (registry: string) => `
scopes:
  packages:read: Install packages
  packages:write: Publish and remove packages
upstreams:
  # verdaccio makes tarball addresses from Host, and X-Forwarded-Host means nothing to it.
  registry: { targets: ["${registry}"], preserve_host: true }
routes:
  - { path: /*, methods: [GET], scopes: ["packages:read"], upstream: registry }
  - { path: /*, methods: [PUT, POST, DELETE], scopes: ["packages:write"], upstream: registry }
`

let folder: string
let registry: Registry
let gateway: Gateway
let reader: TestKey
let writer: TestKey
let npmReader: Npm
let npmWriter: Npm
let npmStranger: Npm

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-verdaccio-'))
  registry = await startRegistry(join(folder, 'registry'))
  gateway = await startGateway(config(registry.url))
  reader = await gateway.createKey({ name: 'Reader', scopes: ['packages:read'] })
  writer = await gateway.createKey({ name: 'Writer', scopes: ['packages:*'] })
  npmReader = await npmUser(join(folder, 'reader'), gateway.dataUrl, reader.raw)
  npmWriter = await npmUser(join(folder, 'writer'), gateway.dataUrl, writer.raw)
  npmStranger = await npmUser(join(folder, 'stranger'), gateway.dataUrl)
}, 60_000)

afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]()
  await registry?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

async function packageFolder(name: string, files: Readonly<Record<string, Buffer | string>> = {}): Promise<string> {
  const path = join(folder, 'packages', name)
  await mkdir(path, { recursive: true })
  await writeFile(join(path, 'package.json'), JSON.stringify({ name, version: '1.0.0', description: 'A test' }))
  for (const [file, content] of Object.entries(files)) await writeFile(join(path, file), content)
  return path
}

async function emptyProject(name: string): Promise<string> {
  const path = join(folder, 'projects', name)
  await mkdir(path, { recursive: true })
  await writeFile(join(path, 'package.json'), JSON.stringify({ name, version: '1.0.0' }))
  return path
}

const succeeds = { code: 0 }
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

describe('npm, through the gateway, with a registry behind it', () => {
  it('publishes, shows, finds, tags, installs and unpublishes a package', async () => {
    const source = await packageFolder('left-pouch', { 'index.js': 'module.exports = 42\n' })
    expect(await npmWriter(source, 'publish')).toMatchObject(succeeds)

    const view = await npmReader(source, 'view', 'left-pouch', '--json')
    expect(view).toMatchObject(succeeds)
    expect(JSON.parse(view.stdout)).toMatchObject({
      name: 'left-pouch',
      dist: { tarball: `${gateway.dataUrl}/left-pouch/-/left-pouch-1.0.0.tgz` },
    })
    const found = await npmReader(source, 'search', 'pouch', '--json')
    expect(JSON.parse(found.stdout)).toMatchObject([{ name: 'left-pouch' }])

    expect(await npmWriter(source, 'dist-tag', 'add', 'left-pouch@1.0.0', 'stable')).toMatchObject(succeeds)
    const project = await emptyProject('uses-left-pouch')
    expect(await npmReader(project, 'install', 'left-pouch@stable')).toMatchObject(succeeds)
    expect(await readFile(join(project, 'node_modules/left-pouch/index.js'), 'utf8')).toBe('module.exports = 42\n')

    expect(await npmWriter(source, 'unpublish', 'left-pouch', '--force')).toMatchObject(succeeds)
    expect((await npmReader(source, 'view', 'left-pouch')).stderr).toContain('E404')
  }, 90_000)

  it('shows nothing to a client without a key', async () => {
    const source = await packageFolder('seen-by-nobody')
    expect(await npmWriter(source, 'publish')).toMatchObject(succeeds)
    for (const command of ['view', 'install']) {
      const refused = await npmStranger(await emptyProject('stranger'), command, 'seen-by-nobody')
      expect(refused.code).not.toBe(0)
      expect(refused.stderr).toContain('E401')
    }
  }, 60_000)

  it('lets a key that may only read install, and refuses it to publish and to unpublish', async () => {
    const published = await packageFolder('for-readers')
    expect(await npmWriter(published, 'publish')).toMatchObject(succeeds)
    expect(await npmReader(await emptyProject('reader'), 'install', 'for-readers')).toMatchObject(succeeds)

    const refused = await npmReader(await packageFolder('by-a-reader'), 'publish')
    expect(refused.code).not.toBe(0)
    expect(refused.stderr).toContain('E403')
    expect((await npmReader(published, 'unpublish', 'for-readers', '--force')).stderr).toContain('E403')

    const packages = await readdir(registry.storage)
    expect(packages).toContain('for-readers')
    expect(packages).not.toContain('by-a-reader')
  }, 60_000)

  it('refuses a scoped package with 400, since npm encodes the slash in its path, and the registry never hears of it', async () => {
    const source = await packageFolder('@acme/thing')
    const refused = await npmWriter(source, 'publish', '--access', 'public')
    expect(refused.code).not.toBe(0)
    expect(refused.stderr).toContain('E400')
    expect(await readdir(registry.storage)).not.toContain('@acme')
    const { statusCode, json } = await answerOf('PUT', '/@acme%2fthing', writer)
    expect(statusCode).toBe(400)
    expect(json).toMatchObject({ code: 'BAD_REQUEST_TARGET' })
  }, 60_000)

  it('carries a package of 24 MB both ways, byte for byte', async () => {
    const blob = randomBytes(24 * 1024 ** 2)
    const source = await packageFolder('heavy', { 'blob.bin': blob })
    expect(await npmWriter(source, 'publish')).toMatchObject(succeeds)
    const project = await emptyProject('uses-heavy')
    expect(await npmReader(project, 'install', 'heavy')).toMatchObject(succeeds)
    expect(sha256(await readFile(join(project, 'node_modules/heavy/blob.bin')))).toBe(sha256(blob))
  }, 120_000)

  it('stops a client whose key was revoked within a second', async () => {
    const key = await gateway.createKey({ name: 'Short-lived', scopes: ['packages:read'] })
    const npm = await npmUser(join(folder, 'short-lived'), gateway.dataUrl, key.raw)
    const source = await packageFolder('still-there')
    expect(await npmWriter(source, 'publish')).toMatchObject(succeeds)
    expect(await npm(source, 'view', 'still-there')).toMatchObject(succeeds)

    await gateway.store.revokeKey(gateway.organization.id, key.record.id, null, testActor)
    await eventually(
      'the key is refused',
      async () => (await answerOf('GET', '/still-there', key)).statusCode === 401,
      {
        withinMs: 1000,
      },
    )
    expect((await npm(source, 'view', 'still-there')).stderr).toContain('E401')
  }, 60_000)
})

describe('a plain HTTP client, through the same gateway', () => {
  it('uploads 32 MB in chunks and downloads them byte for byte', async () => {
    const tarball = randomBytes(24 * 1024 ** 2)
    const document = publishDocument('by-hand', tarball)
    expect(document.length).toBeGreaterThan(32 * 1024 ** 2)
    const uploaded = await plainRequest('PUT', `${gateway.dataUrl}/by-hand`, writer.raw, document)
    expect(uploaded.status).toBe(201)

    const file = `${gateway.dataUrl}/by-hand/-/by-hand-1.0.0.tgz`
    const downloaded = await plainRequest('GET', file, reader.raw)
    expect(downloaded.status).toBe(200)
    expect(sha256(downloaded.body)).toBe(sha256(tarball))
  }, 60_000)
})

describe('the books of it', () => {
  it('hold who published what, and no key in any column', async () => {
    const rows = await gateway.requestLog()
    expect(rows).toContainEqual(
      expect.objectContaining({ method: 'PUT', path: '/left-pouch', status: 201, keyId: writer.record.id }),
    )
    expect(rows).toContainEqual(
      expect.objectContaining({ method: 'PUT', path: '/by-a-reader', status: 403, code: 'INSUFFICIENT_SCOPE' }),
    )
    const text = JSON.stringify(rows)
    for (const key of [reader, writer]) expect(text).not.toContain(key.raw.slice(12))
  })
})

async function answerOf(method: string, target: string, key: TestKey): Promise<{ statusCode: number; json: unknown }> {
  const { status, body } = await plainRequest(method, `${gateway.dataUrl}${target}`, key.raw)
  return { statusCode: status, json: body.length > 0 ? JSON.parse(body.toString()) : undefined }
}
