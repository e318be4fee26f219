import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AdminGateway, startAdmin } from '../../helpers/admin.ts'
import { type AdminWorld, fillPath, openWorld, type Populated } from '../../helpers/admin-world.ts'
import type { Operation, Schema } from '../../helpers/openapi-document.ts'
import { logInRoot } from '../../helpers/operators.ts'

/**
 * What a record shows is not what may be written. Every operation with a body gets, beside a body that is right, each field of
 * every record of the document, the columns of the store, and the names of the prototype: 422, at every level.
 */
let gateway: AdminGateway
let world: AdminWorld
let home: Populated
let session: string
beforeAll(async () => {
  gateway = await startAdmin()
  world = await openWorld(gateway)
  home = await world.populate()
  const { browser } = await logInRoot(gateway)
  session = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
})
afterAll(async () => {
  world[Symbol.dispose]()
  await gateway[Symbol.asyncDispose]()
})

const password = 'correct horse battery staple'
/** A body that each takes, but for ids of its own, so that nothing else is wrong with it. */
const right: Readonly<Record<string, Record<string, unknown>>> = {
  updateMe: { name: 'N' },
  logIn: { email: 'nobody@example.com', password },
  createAdminToken: { name: 'T', role: 'viewer' },
  redeemLink: { token: 'x', password },
  createOperator: { email: 'o@example.com', name: 'O', password },
  updateOperator: { name: 'O' },
  createOrganization: { name: 'O' },
  updateOrganization: { name: 'O', rate_limit: { requests: 1, per: '1m' } },
  deleteOrganization: { confirm: 'no' },
  addMember: { email: 'm@example.com', role: 'viewer', password },
  updateMember: { role: 'viewer' },
  createApiKey: { name: 'K', scopes: ['*'], rate_limit: { requests: 1, per: '1m' } },
  updateApiKey: { name: 'K', rate_limit: { requests: 1, per: '1m' } },
  revokeApiKey: { reason: 'r' },
  rotateApiKey: { grace_period_seconds: 1 },
  revealApiKey: { password },
  createWorkspace: { name: 'W' },
  updateWorkspace: { name: 'W' },
  createServiceAccount: { name: 'S', role: 'viewer' },
  updateServiceAccount: { name: 'S' },
  createJob: { type: 'bulk_revoke', params: { ids: [] } },
  cancelJob: {},
  createMemberLink: {},
  createWebhook: { url: 'https://hooks.invalid/', events: ['*'] },
  updateWebhook: { description: 'd' },
  validatePolicy: { yaml: 'routes: []' },
  explainPolicy: { method: 'GET', path: '/', scopes: [] },
  reloadConfig: {},
}

/** Names in any answer of the document, at any depth. */
function shownNames(): Set<string> {
  const names = new Set<string>()
  const walked = new Set<Schema>()
  const walk = (schema: Schema): void => {
    const resolved = world.document.resolve(schema)
    if (walked.has(resolved)) return
    walked.add(resolved)
    for (const [name, member] of Object.entries(resolved.properties ?? {})) {
      names.add(name)
      walk(member)
    }
    for (const inner of [
      ...(resolved.anyOf ?? []),
      ...(resolved.oneOf ?? []),
      ...(resolved.items ? [resolved.items] : []),
    ])
      walk(inner)
  }
  for (const { responses } of world.operations) {
    for (const { content } of Object.values(responses))
      for (const { schema } of Object.values(content ?? {})) walk(schema)
  }
  return names
}

/** Of the store, of its records in the program, and of everybody who ever tried. */
const inner = [
  ...[
    'organizationId',
    'key_hash',
    'keyHash',
    'hash',
    'sha256',
    'sealed',
    'sealed_with',
    'deleted_at',
    'deletedAt',
    'revokedAt',
  ],
  ...[
    'isRoot',
    'root',
    'root_source',
    'rootSource',
    'is_admin',
    'admin',
    'password_hash',
    'passwordHash',
    'operator_id',
  ],
  ...[
    'createdAt',
    'suspendedBy',
    'serviceAccountId',
    'workspaceIds',
    'raw_key',
    'rawKey',
    'secretExpiresAt',
    'actor',
    'via',
  ],
  ...[
    'constructor',
    'prototype',
    'toString',
    'hasOwnProperty',
    '__defineGetter__',
    '$ref',
    '_id',
    '',
    'Name',
    'NAME',
    'name ',
    'name\u0000',
  ],
]

const withBody = (): Operation[] => world.operations.filter(({ body }) => body !== undefined)

/** Whether the document says that the body may have it, at the top or, with `inside`, in that member. */
function isDeclared({ body }: Operation, name: string, inside?: string): boolean {
  const has = (schema: Schema, depth: string | undefined): boolean => {
    const resolved = world.document.resolve(schema)
    if ([...(resolved.anyOf ?? []), ...(resolved.oneOf ?? [])].some((choice) => has(choice, depth))) return true
    if (depth === undefined) return Object.hasOwn(resolved.properties ?? {}, name)
    const member = resolved.properties?.[depth]
    return member !== undefined && has(member, undefined)
  }
  return has(body?.schema ?? {}, inside)
}

async function send({ method, path }: Operation, body: string): Promise<{ status: number; said: string }> {
  const answer = await world.send(session, method, fillPath(path, home.ids), body)
  const { errors = [] } = answer.text() === '' ? {} : (answer.json() as { errors?: { message: string }[] })
  return { status: answer.status, said: errors.map(({ message }) => message).join(' ') }
}
const statusOf = async (operation: Operation, body: string): Promise<number> => (await send(operation, body)).status

describe('a field that is not to be written', () => {
  it('is known for each operation that takes a body', () => {
    expect(
      withBody()
        .map(({ id }) => id)
        .sort(),
    ).toEqual(Object.keys(right).sort())
  })

  it('is 422 in every body, whatever record shows it, and whatever else is right', async () => {
    const before = JSON.stringify(await snapshot())
    const names = [...new Set([...shownNames(), ...inner])]
    let cases = 0
    for (const operation of withBody()) {
      const unknown = names.filter((name) => !isDeclared(operation, name))
      const extra = Object.fromEntries(unknown.map((name, at) => [name, values[at % values.length]]))
      // All at once: the answer names each that it does not know. Those that it does not name are sent alone.
      const { status, said } = await send(operation, JSON.stringify({ ...right[operation.id], ...extra }))
      expect([operation.id, status]).toEqual([operation.id, 422])
      for (const name of unknown) {
        cases++
        if (said.includes(JSON.stringify(name))) continue
        const alone = await send(operation, JSON.stringify({ ...right[operation.id], [name]: extra[name] }))
        expect([operation.id, name, alone.status]).toEqual([operation.id, name, 422])
      }
    }
    expect(cases).toBeGreaterThan(3000)
    expect(JSON.stringify(await snapshot())).toBe(before)
  }, 60_000)

  it('is 422 one level deeper too', async () => {
    for (const operation of withBody()) {
      const body = right[operation.id] ?? {}
      for (const [member, value] of Object.entries(body)) {
        if (typeof value !== 'object' || value === null || Array.isArray(value)) continue
        for (const name of [
          'id',
          'organization_id',
          'isRoot',
          'constructor',
          'per_ms',
          'system',
          'service_account_roles',
          'actor',
          'input',
        ]) {
          if (isDeclared(operation, name, member)) continue
          const status = await statusOf(operation, JSON.stringify({ ...body, [member]: { ...value, [name]: 1 } }))
          expect([operation.id, member, name, status]).toEqual([operation.id, member, name, 422])
        }
      }
    }
  })

  it('is refused as a prototype, however it is written, in every body and every object in it', async () => {
    const poisons = [
      '"__proto__":{"isRoot":true}',
      '"__proto__":null',
      '"__proto__":[]',
      '"\\u005f_proto__":{"system":true}',
      '"__pro\\u0074o__":{"system":true}',
      '"constructor":{"prototype":{"isRoot":true}}',
      '"metadata":{"__proto__":{"isRoot":true}}',
      '"metadata":{"a":{"__proto__":{"isRoot":true}}}',
      '"metadata":{"constructor":{"prototype":{"isRoot":true}}}',
    ]
    for (const operation of withBody()) {
      const text = JSON.stringify(right[operation.id])
      for (const poison of poisons) {
        const body = text === '{}' ? `{${poison}}` : `${text.slice(0, -1)},${poison}}`
        const status = await statusOf(operation, body)
        expect([operation.id, poison, [400, 422].includes(status), status]).toEqual([
          operation.id,
          poison,
          true,
          status,
        ])
      }
    }
    expect(({} as { isRoot?: unknown }).isRoot).toBeUndefined()
  })

  it('is no query parameter either: what is not known is 422, or changes nothing', async () => {
    for (const operation of world.operations.filter(
      ({ method, path }) => method === 'GET' && !/stream|\/auth\//.test(path),
    )) {
      const path = fillPath(operation.path, home.ids)
      const plain = await world.send(gateway.adminToken, 'GET', path)
      for (const name of [
        'organization_id',
        'is_root',
        'role',
        'operatorId',
        '__proto__',
        'constructor',
        'limit[]',
        'limit[$gt]',
      ]) {
        if (operation.parameters.some((one) => one.in === 'query' && one.name === name)) continue
        const answer = await world.send(gateway.adminToken, 'GET', `${path}?${name}=${gateway.organization.id}`)
        const same = answer.status === plain.status
        expect([operation.id, name, answer.status === 422 || same]).toEqual([operation.id, name, true])
      }
    }
  })
})

const values = [true, 'x', 1, null, [], {}]

/** How many of everything there are, by the trail: whatever is made or changed leaves an event. */
const snapshot = async () =>
  (await gateway.store.listEvents({}, { limit: 200 })).rows.map(({ type, target }) => [type, target])
