import { spawn } from 'node:child_process'
import { hash } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exportLines } from '../../src/cli/export-lines.ts'
import { type ExportKind, type ExportScope, exportSources } from '../../src/cli/export-sources.ts'
import { readMoment } from '../../src/cli/values.ts'
import { systemClock } from '../../src/clock.ts'
import { uuidv7 } from '../../src/ids.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import type { Store } from '../../src/store/store.ts'
import { type CliSandbox, cliConfig, cliSandbox, mainFile } from '../helpers/cli.ts'
import { testActor } from '../helpers/gateway.ts'
import { jsonLines } from '../helpers/jobs.ts'
import { requestRow } from '../helpers/request-row.ts'

describe('sallyport export', () => {
  let cli: CliSandbox
  let store: Store
  const ids: string[] = []
  const hourMs = 3_600_000
  beforeAll(async () => {
    cli = await cliSandbox(cliConfig)
    await mkdir(join(cli.folder, 'data'))
    store = await openSqliteStore(join(cli.folder, 'data/sallyport.db'), { clock: systemClock })
    for (const name of ['Acme', '=HYPERLINK("http://evil")']) {
      const { id } = await store.createOrganization({ name }, testActor)
      ids.push(id)
      for (let n = 0; n < 3; n++) {
        const secret = { sha256: hash('sha256', `${id}${n}`, 'buffer'), keyPrefix: 'sk_live_abcd', keySuffix: 'wxyz' }
        const key = { name: n === 0 ? '@SUM(1)' : `Key ${n}`, environment: 'live', scopes: ['projects:read'] }
        await store.createKey({ organizationId: id, ...key, secret }, testActor)
      }
      const now = Date.now()
      await store.insertRequests(
        Array.from({ length: 450 }, (_, n) => {
          const at = now - n * hourMs
          return requestRow({ id: uuidv7(at), organizationId: id, at, userAgent: '+cmd' })
        }),
      )
    }
    await store.insertRequests([requestRow({ organizationId: null })])
  })
  afterAll(async () => {
    await store.close()
    await cli[Symbol.asyncDispose]()
  })

  /** As the command writes it. */
  const written = async (
    kind: ExportKind,
    scope: Omit<ExportScope, 'now'> = {},
    format: 'ndjson' | 'csv' | 'json' = 'ndjson',
  ): Promise<string> => {
    const { columns, records } = exportSources[kind]
    const parts = exportLines(records(store, { ...scope, now: Date.now() }), format, columns, { rows: 0 })
    return await text(parts)
  }
  const rows = async (...args: Parameters<typeof written>) => jsonLines(await written(...args))
  const own = (number: number) => ({ organizationId: ids[number] ?? '' })
  const ago = readMoment

  it('writes every key of every organization, or of one, without secrets', async () => {
    expect(await rows('keys')).toHaveLength(6)
    const keys = await rows('keys', own(0))
    expect(keys.map(({ organization_id, name }) => [organization_id, name])).toEqual([
      [ids[0], 'Key 2'],
      [ids[0], 'Key 1'],
      [ids[0], '@SUM(1)'],
    ])
    for (let n = 0; n < 3; n++) {
      const secret = hash('sha256', `${ids[0]}${n}`, 'buffer')
      for (const form of ['hex', 'base64'] as const) expect(JSON.stringify(keys)).not.toContain(secret.toString(form))
    }
    expect(await cli.json('keys', 'show', String(keys[0]?.id))).toEqual(keys[0])
  })

  it('writes the request log page by page, all of it once, newest first', async () => {
    const all = await rows('requests')
    expect(new Set(all.map(({ id }) => id)).size).toBe(901)
    expect(all).toHaveLength(901)
    expect(all.map(({ at }) => at)).toEqual(
      all
        .map(({ at }) => at)
        .toSorted()
        .reverse(),
    )
    expect(await rows('requests', own(1))).toHaveLength(450)
  })

  it.each<[ExportKind, since: string | undefined, until: string | undefined, count: number]>([
    ['requests', '90m', undefined, 5],
    ['requests', '150m', '90m', 2],
    ['keys', undefined, '1h', 0],
    ['keys', '1h', undefined, 6],
    ['orgs', '1h', undefined, 2],
    ['events', '1h', undefined, 8],
    ['events', '2020-01-01', '2020-01-02T00:00:00Z', 0],
  ])(
    'leaves out what is older than --since, and what is not older than --until: %s %s %s',
    async (kind, since, until, count) => {
      // Of requests: two organizations with one each hour, and one of none.
      const scope = { since: since === undefined ? since : ago(since), until: until === undefined ? until : ago(until) }
      expect(await rows(kind, scope)).toHaveLength(count)
    },
  )

  it.each<ExportKind>(['keys', 'orgs', 'requests', 'events'])(
    'gives each of %s to one day when days are exported one by one, to the millisecond',
    async (kind) => {
      const [all, field] = [await rows(kind), kind === 'requests' ? 'at' : 'created_at']
      const last = Date.parse(String(all[0]?.[field]))
      for (const border of [last, last + 1]) {
        const halves = [...(await rows(kind, { since: border })), ...(await rows(kind, { until: border }))]
        expect(halves).toEqual(all)
      }
    },
  )

  it('leaves out what belongs to another organization', async () => {
    expect((await rows('events', own(0))).every(({ organization_id }) => organization_id === ids[0])).toBe(true)
    expect(await rows('events', own(0))).toHaveLength(4)
  })

  it('writes JSON as one list, and an empty one as such', async () => {
    expect(JSON.parse(await written('requests', own(0), 'json'))).toHaveLength(450)
    expect(JSON.parse(await written('requests', { until: 1 }, 'json'))).toEqual([])
    expect(await cli.json<unknown[]>('export', 'orgs')).toHaveLength(2)
  })

  it.each<[ExportKind, string]>([
    ['keys', "'@SUM(1)"],
    ['orgs', `"'=HYPERLINK(""http://evil"")"`],
    ['requests', "'+cmd"],
  ])('writes no cell of %s in CSV that a spreadsheet would run', async (kind, harmless) => {
    const csv = await written(kind, {}, 'csv')
    expect(csv).toContain(harmless)
    expect(csv).not.toMatch(/(^|,)"?[=+@]/m)
    expect(csv.split('\r\n')[0]).toMatch(/^\w+(,\w+)+$/)
  })

  it('writes a file that only its owner reads, and never over another one', async () => {
    const { code, stdout, stderr } = await cli.run('export', 'orgs', '--format', 'csv', '--out', 'orgs.csv')
    expect([code, stdout, stderr]).toEqual([0, '', 'Wrote orgs.csv: 2 rows\n'])
    const file = join(cli.folder, 'orgs.csv')
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await readFile(file, 'utf8')).toBe(await written('orgs', {}, 'csv'))
    await writeFile(file, 'mine')
    expect((await cli.run('export', 'orgs', '--out', 'orgs.csv')).code).toBe(1)
    expect(await readFile(file, 'utf8')).toBe('mine')
  })

  it('says why a file can not be written', async () => {
    const { stderr } = await cli.run('export', 'orgs', '--out', 'no/such/folder')
    expect(stderr).toMatch(/^error: no\/such\/folder can't be written: /)
  })

  it.each([
    [['keys', '--org', 'nobody'], 1, 'there is no organization "nobody"'],
    [['keys', '--since', 'yesterday'], 2, 'how long ago'],
    [['keys', '--format', 'xml'], 2, 'It must be ndjson, csv, json.'],
    [['keys', '--json', '--format', 'csv'], 2, 'not both'],
    [['secrets'], 2, ''],
  ])('refuses %j with %i', async (args, code, message) => {
    const result = await cli.run('export', ...args)
    expect([result.code, result.stdout]).toEqual([code, ''])
    expect(result.stderr).toContain(message)
  })

  it('ends quietly when whoever reads has seen enough', async () => {
    const child = spawn(process.execPath, [mainFile, 'export', 'requests'], { cwd: cli.folder })
    let stderr = ''
    child.stderr.on('data', (chunk) => {
      stderr += chunk
    })
    child.stdout.once('data', () => child.stdout.destroy())
    const [code] = await once(child, 'close')
    expect([code, stderr]).toEqual([0, ''])
  })
})
