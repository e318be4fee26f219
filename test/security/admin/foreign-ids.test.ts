import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AdminGateway, startAdmin } from '../../helpers/admin.ts'
import {
  type AdminWorld,
  fillPath,
  openWorld,
  type Populated,
  parametersIn,
  unreal,
} from '../../helpers/admin-world.ts'
import type { Operation, Schema } from '../../helpers/openapi-document.ts'
import { fingerprint } from '../../helpers/problem.ts'

/**
 * Two organizations with one of everything. Whatever an owner of the one puts an id of the other into, path, query or body,
 * alone or beside ids of its own, is answered to the byte like an id of which there is nothing; and nothing happens to it.
 */
let gateway: AdminGateway
let world: AdminWorld
let home: Populated
let abroad: Populated
beforeAll(async () => {
  gateway = await startAdmin()
  world = await openWorld(gateway)
  home = await world.populate()
  abroad = await world.populate(await gateway.createOrg({ name: 'Stranger' }))
})
afterAll(async () => {
  world[Symbol.dispose]()
  await gateway[Symbol.asyncDispose]()
})

type Ids = Readonly<Record<string, string>>

/** The answer, with the id that was asked about taken out. */
async function answer({ method }: Operation, path: string, about: string, body?: unknown, headers = {}) {
  const sent = method === 'GET' ? undefined : (body ?? {})
  const response = await world.send(home.ownerToken, method, path, sent, headers)
  return { status: response.status, text: fingerprint(response).replaceAll(about, '<id>') }
}

/** Every way to put ids of the other organization into a path, at least one. */
function mixes(parameters: readonly string[]): Ids[] {
  return Array.from({ length: 2 ** parameters.length - 1 }, (_, index) => {
    const mask = index + 1
    return Object.fromEntries(
      parameters.map((name, at) => [name, (mask >> at) & 1 ? (abroad.ids[name] ?? '') : (home.ids[name] ?? '')]),
    )
  })
}

describe('an id of another organization', () => {
  it('in a path is like one of nothing, whatever stands beside it', async () => {
    const before = await stateOf(abroad)
    let cases = 0
    for (const operation of world.operations) {
      for (const ids of mixes(parametersIn(operation.path))) {
        const isForeign = ([name, id]: [string, string]) => id === abroad.ids[name]
        const fake = Object.fromEntries(
          Object.entries(ids).map(([name, id]) => [name, isForeign([name, id]) ? unreal(id) : id]),
        )
        for (const headers of [{}, { 'If-Match': '*' }, { 'Idempotency-Key': `of-${cases}` }]) {
          const [real, none] = [
            await answer(operation, fillPath(operation.path, ids), '-', {}, headers),
            await answer(operation, fillPath(operation.path, fake), '-', {}, headers),
          ]
          expect([operation.id, ids, real]).toEqual([operation.id, ids, none])
          // What root alone may look for is refused before anybody looks.
          const expected = /^\/platform\/(?:operators|requests|events)\//.test(operation.path) ? 403 : 404
          expect([operation.id, ids, real.status]).toEqual([operation.id, ids, expected])
          cases++
        }
      }
    }
    expect(cases).toBeGreaterThan(300)
    expect(await stateOf(abroad)).toEqual(before)
  })

  it('in a query is like one of nothing', async () => {
    let cases = 0
    for (const operation of world.operations.filter(
      ({ method, path }) => method === 'GET' && !path.endsWith('/stream'),
    )) {
      for (const { name, in: where } of operation.parameters) {
        if (where !== 'query' || !/^(cursor|owner|route|q|target|.*_id)$/.test(name)) continue
        for (const id of Object.values(abroad.ids)) {
          const path = `${fillPath(operation.path, home.ids)}?${name}=`
          const [real, none] = [
            await answer(operation, path + id, id),
            await answer(operation, path + unreal(id), unreal(id)),
          ]
          expect([operation.id, name, id, real]).toEqual([operation.id, name, id, none])
          cases++
        }
      }
    }
    expect(cases).toBeGreaterThan(150)
  })

  it('in the query of a stream is like one of nothing', async () => {
    const path = `/platform/organizations/${home.organization.id}/requests/stream?key_id=`
    for (const id of [abroad.ids.key_id ?? '', unreal(abroad.ids.key_id ?? '')]) {
      const stop = new AbortController()
      const headers = { authorization: `Bearer ${home.ownerToken}` }
      const response = await fetch(`${gateway.adminUrl}${path}${id}`, { headers, signal: stop.signal })
      expect(response.status).toBe(200)
      const reader = response.body?.getReader()
      const first = await reader?.read()
      expect(Buffer.from(first?.value ?? []).toString()).toBe(': connected\n\n')
      stop.abort()
    }
  })

  it('in a body is like one of nothing, in every field that takes one', async () => {
    const before = await stateOf(abroad)
    const seen = new Set<string>()
    for (const { id: operationId, field, body } of bodies()) {
      const operation = world.operations.find(({ id }) => id === operationId)
      if (operation === undefined) throw new Error(`there is no ${operationId}`)
      seen.add(`${operationId} ${field}`)
      for (const id of Object.values(abroad.ids)) {
        const path = fillPath(operation.path, home.ids)
        const [real, none] = [
          await answer(operation, path, id, body(id)),
          await answer(operation, path, unreal(id), body(unreal(id))),
        ]
        expect([operationId, field, id, real]).toEqual([operationId, field, id, none])
        expect([operationId, field, id, [403, 404, 409, 422].includes(real.status), real.status]).toEqual([
          operationId,
          field,
          id,
          true,
          real.status,
        ])
      }
    }
    // One that comes to the document has to come to the list.
    expect([...seen].sort()).toEqual(fieldsOfIds().sort())
    expect(await stateOf(abroad)).toEqual(before)
  })

  it('as the tag of an object is no better than any other', async () => {
    const tagOf = async ({ organization, ids }: Populated) => {
      const path = `/platform/organizations/${organization.id}/workspaces/${ids.workspace_id}`
      return (await world.send(gateway.adminToken, 'GET', path)).header('etag') ?? ''
    }
    const patch = world.operations.find(({ id }) => id === 'updateWorkspace')
    if (patch === undefined) throw new Error('there is no updateWorkspace')
    const path = fillPath(patch.path, home.ids)
    const [foreign, none] = [
      await answer(patch, path, '-', { name: 'W' }, { 'If-Match': await tagOf(abroad) }),
      await answer(patch, path, '-', { name: 'W' }, { 'If-Match': '"nothing"' }),
    ]
    expect([foreign.status, foreign]).toEqual([412, none])
  })

  it('under which somebody else made something gives no kept answer away', async () => {
    const order = { name: 'Kept', scopes: ['*'] }
    const headers = { 'Idempotency-Key': 'the-same' }
    const mine = `/platform/organizations/${home.organization.id}/api-keys`
    const theirs = `/platform/organizations/${abroad.organization.id}/api-keys`
    const made = await world.send(abroad.ownerToken, 'POST', theirs, order, headers)
    expect(made.status).toBe(201)
    const crossed = await world.send(home.ownerToken, 'POST', theirs, order, headers)
    expect([crossed.status, crossed.text().includes('raw_key')]).toEqual([404, false])
    const own = await world.send(home.ownerToken, 'POST', mine, order, headers)
    expect([own.status, own.header('idempotent-replayed')]).toEqual([201, undefined])
    expect(own.json().raw_key).not.toBe(made.json().raw_key)
  })
})

/** A whole body for each field that takes an id; it is right but for that. */
function bodies(): { id: string; field: string; body: (id: string) => object }[] {
  const key = { name: 'K', scopes: ['*'] }
  const job = (type: string, params: object) => ({ type, params })
  return [
    { id: 'createApiKey', field: 'project_id', body: (id) => ({ ...key, project_id: id }) },
    {
      id: 'createApiKey',
      field: 'workspace_ids',
      body: (id) => ({ ...key, workspace_ids: [home.ids.workspace_id, id] }),
    },
    { id: 'createApiKey', field: 'service_account_id', body: (id) => ({ ...key, service_account_id: id }) },
    { id: 'createJob', field: 'params.ids', body: (id) => job('bulk_revoke', { ids: [id] }) },
    { id: 'createJob', field: 'params.owner', body: (id) => job('bulk_revoke', { owner: id }) },
    { id: 'createJob', field: 'params.key_id', body: (id) => job('request_export', { key_id: id }) },
    {
      id: 'createAdminToken',
      field: 'organization_id',
      body: (id) => ({ name: 'T', role: 'viewer', organization_id: id }),
    },
    { id: 'explainPolicy', field: 'key_id', body: (id) => ({ method: 'GET', path: '/', key_id: id }) },
  ]
}

function fieldsOfIds(): string[] {
  const found = new Set<string>()
  const walk = (id: string, schema: Schema, path: string): void => {
    const resolved = world.document.resolve(schema)
    for (const choice of [...(resolved.anyOf ?? []), ...(resolved.oneOf ?? [])]) walk(id, choice, path)
    for (const [name, member] of Object.entries(resolved.properties ?? {})) {
      const at = path === '' ? name : `${path}.${name}`
      // What an API behind calls its own object is no id of ours.
      if (/(^|_)ids?$|^owner$/.test(name) && name !== 'external_id') found.add(`${id} ${at}`)
      walk(id, member, at)
    }
  }
  for (const { id, body } of world.operations) if (body !== undefined) walk(id, body.schema, '')
  return [...found]
}

/** Everything that root reads of an organization, and how many events it has. */
async function stateOf({ ids }: Populated): Promise<unknown> {
  const lists = world.operations.filter(
    ({ method, path }) =>
      method === 'GET' &&
      path.startsWith('/platform/organizations/{organization_id}') &&
      !/stream|output|analytics|requests/.test(path),
  )
  const state: unknown[] = []
  for (const { id, path } of lists) {
    const { status, text } = await world.send(gateway.adminToken, 'GET', fillPath(path, ids))
    state.push([
      id,
      status,
      text().replace(
        /"(updated_at|next_attempt_at|attempts|response|progress|status|finished_at|started_at|completed_at|total|result|last_used_at)":("[^"]*"|null|\d+|\{[^}]*\})/g,
        '',
      ),
    ])
  }
  return state
}
