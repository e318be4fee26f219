import { afterAll, beforeAll, expect, it } from 'vitest'
import { announcing } from '../../src/bus/announcing.ts'
import { type Gateway, startGateway, testActor } from '../helpers/gateway.ts'

let gateway: Gateway
beforeAll(async () => {
  gateway = await startGateway('routes: []')
})
afterAll(async () => await gateway[Symbol.asyncDispose]())

it('forgets the organization of a change that was made and that the change log could not tell of', async () => {
  const forgotten: string[] = []
  let told = true
  const store = announcing(
    gateway.store,
    { pollNow: () => Promise.resolve(told) },
    async (id) => void forgotten.push(id),
  )
  const key = await gateway.createKey()
  await store.updateKey(gateway.organization.id, key.record.id, { name: 'Told' }, testActor)
  expect(forgotten).toEqual([])
  told = false
  const revoked = await store.revokeKey(gateway.organization.id, key.record.id, null, testActor)
  expect(revoked?.revokedAt).not.toBeNull()
  expect(forgotten).toEqual([gateway.organization.id])
  await store.createOrganization({ name: 'Nobody holds anything of it' }, testActor)
  expect(forgotten).toEqual([gateway.organization.id])
})
