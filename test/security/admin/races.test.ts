import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { personalTokenPrefix, tokenHash } from '../../../src/admin-api/login/secrets.ts'
import { type AdminApi, type AdminGateway, type ApiAnswer, startAdmin } from '../../helpers/admin.ts'
import { eventually } from '../../helpers/eventually.ts'
import { testActor } from '../../helpers/gateway.ts'
import { password } from '../../helpers/operators.ts'

/** What is asked for twice at the same moment: one of them wins, and what is left is as if they had come one by one. */
let gateway: AdminGateway
let at: string
beforeAll(async () => {
  gateway = await startAdmin()
  at = `/organizations/${gateway.organization.id}`
})
afterAll(() => gateway[Symbol.asyncDispose]())

interface Made {
  readonly key: { readonly id: string; readonly secrets: readonly { readonly expires_at: string | null }[] }
  readonly raw_key: string
}

const times = <T>(count: number, make: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => make(index)))
const statuses = (answers: readonly ApiAnswer<unknown>[]): number[] => answers.map(({ status }) => status).sort()
const one = (first: number, rest: number, count: number): number[] =>
  [first, ...Array.from({ length: count - 1 }, () => rest)].sort()

const newKey = async (): Promise<Made> =>
  (await gateway.api<Made>('POST', `${at}/api-keys`, { name: 'K', scopes: ['*'] })).body
const letIn = async (key: string): Promise<boolean> =>
  (await gateway.request('GET', '/api/v1/me', { key })).status === 200
const works = async (keys: readonly string[]): Promise<number> =>
  (await Promise.all(keys.map(letIn))).filter(Boolean).length
const eventsOf = async (target: string, type: string): Promise<number> =>
  (await gateway.store.listEvents({}, { limit: 200 })).rows.filter((one) => one.target === target && one.type === type)
    .length

describe('a key', () => {
  it('that is rotated eight times at once has one secret, which one caller has', async () => {
    const { key, raw_key: first } = await newKey()
    const answers = await times(8, () => gateway.api<Made>('POST', `${at}/api-keys/${key.id}/rotate`, {}))
    expect(statuses(answers)).toEqual(Array.from({ length: 8 }, () => 200))
    const raw = answers.map(({ body }) => body.raw_key)
    expect(new Set(raw).size).toBe(8)
    expect([await letIn(first), await works(raw)]).toEqual([false, 1])
    const { body } = await gateway.api<Made['key']>('GET', `${at}/api-keys/${key.id}`)
    expect(body.secrets.filter(({ expires_at: end }) => end === null)).toHaveLength(1)
    expect(await eventsOf(key.id, 'api_key.rotated')).toBe(8)
  })

  it('that is rotated with grace at once has one newest secret, and every other one has an end', async () => {
    const { key } = await newKey()
    await times(6, () => gateway.api('POST', `${at}/api-keys/${key.id}/rotate`, { grace_period_seconds: 60 }))
    const { body } = await gateway.api<Made['key']>('GET', `${at}/api-keys/${key.id}`)
    expect(body.secrets.filter(({ expires_at: end }) => end === null)).toHaveLength(1)
  })

  it('that is revoked eight times at once is revoked once, for one reason', async () => {
    const { key, raw_key: raw } = await newKey()
    const answers = await times(8, (index) =>
      gateway.api<{ revoked_reason: string; revoked_at: string }>('POST', `${at}/api-keys/${key.id}/revoke`, {
        reason: `r${index}`,
      }),
    )
    expect(statuses(answers)).toEqual(Array.from({ length: 8 }, () => 200))
    expect(new Set(answers.map(({ body }) => `${body.revoked_reason} ${body.revoked_at}`)).size).toBe(1)
    expect([await letIn(raw), await eventsOf(key.id, 'api_key.revoked')]).toEqual([false, 1])
  })

  it.each([
    ['revoked', (id: string) => gateway.api('POST', `${at}/api-keys/${id}/revoke`, {})],
    ['deleted', (id: string) => gateway.api('DELETE', `${at}/api-keys/${id}`)],
  ])(
    'that is %s while it is rotated, granted and changed is dead, with every secret that came of it',
    async (_, end) => {
      for (let round = 0; round < 5; round++) {
        const { key, raw_key: first } = await newKey()
        const path = `${at}/api-keys/${key.id}`
        const rotations = times(4, (index) =>
          gateway.api<Made>('POST', `${path}/rotate`, { grace_period_seconds: index * 60 }),
        )
        const others = [gateway.api('PATCH', path, { name: 'Changed' }), end(key.id)]
        const answers = await rotations
        await Promise.all(others)
        expect(answers.every(({ status }) => [200, 404, 409].includes(status))).toBe(true)
        const raw = answers.flatMap(({ status, body }) => (status === 200 ? [body.raw_key] : []))
        expect(await works([first, ...raw])).toBe(0)
      }
    },
  )

  it('that is changed under one tag by six is changed by one', async () => {
    const { key } = await newKey()
    const path = `${at}/api-keys/${key.id}`
    const { headers } = await gateway.api('GET', path)
    const tag = headers.get('etag') ?? ''
    const answers = await times(6, (index) =>
      gateway.api('PATCH', path, { name: `Name ${index}` }, { 'If-Match': tag }),
    )
    expect(statuses(answers)).toEqual(one(200, 412, 6))
    expect(await eventsOf(key.id, 'api_key.updated')).toBe(1)
  })
})

describe('one Idempotency-Key', () => {
  const withKey = (key: string) => ({ 'Idempotency-Key': key })

  it.each(['api-keys', 'workspaces', 'service-accounts', 'webhooks', 'jobs'])(
    'makes one of %s, however often it comes at once',
    async (list) => {
      const bodies: Record<string, object> = {
        'api-keys': { name: 'Once', scopes: ['*'] },
        workspaces: { name: 'Once' },
        'service-accounts': { name: 'Once', role: 'viewer' },
        webhooks: { url: 'https://hooks.invalid/once', events: ['*'] },
        jobs: { type: 'key_export' },
      }
      const before = (await gateway.api<unknown[]>('GET', `${at}/${list}?limit=200`)).body.length
      const answers = await times(10, () => gateway.api('POST', `${at}/${list}`, bodies[list], withKey(`once-${list}`)))
      const made = answers.filter(({ status }) => status < 300)
      expect(answers.every(({ status }) => status < 300 || status === 409)).toBe(true)
      expect(new Set(made.map(({ body }) => JSON.stringify(body))).size).toBe(1)
      expect((await gateway.api<unknown[]>('GET', `${at}/${list}?limit=200`)).body).toHaveLength(before + 1)
    },
  )

  it('with ten bodies at once makes what one of them says', async () => {
    const answers = await times(10, (index) =>
      gateway.api('POST', `${at}/workspaces`, { name: `Body ${index}` }, withKey('ten-bodies')),
    )
    expect(statuses(answers)).toEqual(one(201, 409, 10))
    const { body } = await gateway.api<{ name: string }[]>('GET', `${at}/workspaces?limit=200`)
    expect(body.filter(({ name }) => name.startsWith('Body '))).toHaveLength(1)
  })

  it('rotates once of eight, and all that are answered have the same secret', async () => {
    const { key } = await newKey()
    const answers = await times(8, () =>
      gateway.api<Made>('POST', `${at}/api-keys/${key.id}/rotate`, {}, withKey('rotate-once')),
    )
    const raw = new Set(answers.flatMap(({ status, body }) => (status === 200 ? [body.raw_key] : [])))
    expect([raw.size, await works([...raw]), await eventsOf(key.id, 'api_key.rotated')]).toEqual([1, 1, 1])
  })
})

/** Somebody who can log in, with a token: to hash passwords would be all that this file does. */
async function enter(who: {
  readonly isRoot: boolean
  readonly ownerOf?: string
}): Promise<{ id: string; api: AdminApi }> {
  const token = `${personalTokenPrefix}${randomBytes(24).toString('hex')}`
  const { id } = await gateway.store.createOperator(
    {
      email: `${randomBytes(6).toString('hex')}@example.com`,
      name: 'Somebody',
      isRoot: who.isRoot,
      verified: true,
      passwordHash: 'of no password',
      ...(who.ownerOf !== undefined && { membership: { organizationId: who.ownerOf, role: 'owner' as const } }),
    },
    testActor,
  )
  const role = who.isRoot ? 'root' : 'owner'
  const shown = {
    operatorId: id,
    name: 'T',
    role,
    organizationId: null,
    suffix: token.slice(-4),
    expiresAt: null,
  } as const
  await gateway.store.createToken({ ...shown, tokenSha256: tokenHash(token) }, testActor)
  return { id, api: gateway.as(token) }
}

describe('the last of its kind', () => {
  it('owner stays, though two remove each other, by any way, at once', async () => {
    for (const [first, second] of [
      ['DELETE', 'DELETE'],
      ['PATCH', 'DELETE'],
      ['PATCH', 'PATCH'],
    ] as const) {
      const { id } = await gateway.createOrg()
      const [a, b] = [await enter({ isRoot: false, ownerOf: id }), await enter({ isRoot: false, ownerOf: id })]
      const member = (who: { id: string }) => `/organizations/${id}/members/${who.id}`
      const answers = await Promise.all([
        a.api(first, member(b), first === 'PATCH' ? { role: 'viewer' } : undefined),
        b.api(second, member(a), second === 'PATCH' ? { role: 'viewer' } : undefined),
      ])
      const done = answers.filter(({ status }) => status < 300)
      expect([first, second, done.length]).toEqual([first, second, 1])
      const { body } = await gateway.api<{ role: string }[]>('GET', `/organizations/${id}/members`)
      expect(body.filter(({ role }) => role === 'owner')).toHaveLength(1)
    }
  })

  it('root stays, though all of them take it from each other, or delete each other, at once', async () => {
    for (const method of ['PATCH', 'DELETE'] as const) {
      const roots = [await enter({ isRoot: true }), await enter({ isRoot: true }), await enter({ isRoot: true })]
      const { body: all } = await gateway.api<{ id: string; is_root: boolean }[]>('GET', '/operators?limit=200')
      const others = all.filter(({ id, is_root: isRoot }) => isRoot && !roots.some((own) => own.id === id))
      for (const { id } of others) await gateway.api('DELETE', `/operators/${id}`)
      await Promise.all(
        roots.map(({ api }, index) =>
          api(method, `/operators/${roots[(index + 1) % 3]?.id}`, method === 'PATCH' ? { is_root: false } : undefined),
        ),
      )
      const { body } = await gateway.api<{ is_root: boolean }[]>('GET', '/operators?limit=200')
      expect(body.filter(({ is_root: isRoot }) => isRoot).length).toBeGreaterThanOrEqual(1)
    }
  })
})

describe('a name, an address or a link that there is once', () => {
  const twins: Record<string, (index: number) => Promise<ApiAnswer<unknown>>> = {
    slug: () => gateway.api('POST', '/organizations', { name: 'Twin', slug: 'twin' }),
    external_id: (index) => gateway.api('POST', `${at}/workspaces`, { name: `T${index}`, external_id: 'twin' }),
    'slug of an account': () =>
      gateway.api('POST', `${at}/service-accounts`, { name: 'T', role: 'viewer', slug: 'twin' }),
    email: () => gateway.api('POST', '/operators', { email: 'Twin@example.com', name: 'T' }),
    'email of a member': () =>
      gateway.api('POST', `${at}/members`, { email: 'twin-member@example.com', role: 'viewer' }),
  }
  it.each(Object.entries(twins))('is given once of six: %s', async (_, make) => {
    expect(statuses(await times(6, make))).toEqual(one(201, 409, 6))
  })

  it('is redeemed once of five', async () => {
    const { body } = await gateway.api<{ invitation: { url: string } }>('POST', `${at}/members`, {
      email: 'invited@example.com',
      role: 'owner',
    })
    const token = body.invitation.url.split('#token=')[1]
    const redeem: AdminApi = gateway.as(null)
    const answers = await times(5, (index) => redeem('POST', '/setup', { token, password: `${password} ${index}` }))
    expect(statuses(answers)).toEqual(one(201, 401, 5))
    const winner = answers.findIndex(({ status }) => status === 201)
    const tryOut = async (index: number): Promise<number> =>
      (await redeem('POST', '/sessions', { email: 'invited@example.com', password: `${password} ${index}` })).status
    expect([await tryOut(winner), await tryOut((winner + 1) % 5)]).toEqual([201, 401])
  })
})

it('a job that is cancelled as it ends is one or the other, as each caller was told', async () => {
  for (let round = 0; round < 6; round++) {
    const { body } = await gateway.api<{ id: string }>('POST', `${at}/jobs`, { type: 'key_export' })
    const path = `${at}/jobs/${body.id}`
    const answers = await times(3, () => gateway.api('POST', `${path}/cancel`))
    const status = await eventually('the job to end', async () => {
      const job = await gateway.api<{ status: string }>('GET', path)
      return ['completed', 'cancelled'].includes(job.body.status) && job.body.status
    })
    expect([status, new Set(statuses(answers))]).toEqual([
      status,
      status === 'completed' ? expect.any(Set) : new Set([200]),
    ])
    // Who was refused was refused because it had ended.
    if (answers.some(({ status: answered }) => answered === 409)) expect(status).toBe('completed')
  }
})

it('an organization that is deleted while things are made in it leaves none of them', async () => {
  const { id, slug } = await gateway.createOrg({ name: 'Doomed' })
  const inside = `/organizations/${id}`
  const made = times(12, () => gateway.api<Made>('POST', `${inside}/api-keys`, { name: 'K', scopes: ['*'] }))
  const gone = times(3, () => gateway.api('DELETE', inside, { confirm: slug }))
  expect((await gone).filter(({ status }) => status === 204).length).toBeGreaterThanOrEqual(1)
  const raw = (await made).flatMap(({ status, body }) => (status === 201 ? [body.raw_key] : []))
  expect((await made).every(({ status }) => [201, 404].includes(status))).toBe(true)
  expect(await works(raw)).toBe(0)
  expect((await gateway.api('GET', inside)).status).toBe(404)
})

it('after all of it the trail is whole', async () => {
  const { body } = await gateway.api<{ valid: boolean }>('GET', '/events/verify')
  expect(body).toMatchObject({ valid: true })
})
