import { describe, expect, it } from 'vitest'
import { createLoginThrottle } from '../../../src/admin-api/login/throttle.ts'
import { startAdmin } from '../../helpers/admin.ts'
import { openWorld } from '../../helpers/admin-world.ts'
import { testClock } from '../../helpers/clock.ts'
import { password } from '../../helpers/operators.ts'
import { fingerprint } from '../../helpers/problem.ts'

const quarterOfAnHour = 15 * 60_000

describe('who tries passwords', () => {
  it('has fifty for an account in a quarter of an hour, from however many addresses', () => {
    const clock = testClock()
    const throttle = createLoginThrottle(clock)
    const guess = (index: number) =>
      throttle.take({ address: `10.${index >> 8}.${index & 255}.1`, account: 'victim@example.com', device: undefined })
    const allowed = Array.from({ length: 5000 }, (_, index) => guess(index)).filter((waitMs) => waitMs === 0)
    expect(allowed).toHaveLength(50)
    // Its owner waits no longer than that on a new browser, and not at all on one that the account knows.
    expect(guess(9999)).toBeLessThanOrEqual(quarterOfAnHour)
    expect(throttle.take({ address: '192.0.2.1', account: 'victim@example.com', device: 'known' })).toBe(0)
    clock.advance(quarterOfAnHour)
    expect(guess(10_000)).toBe(0)
  })

  it('cannot make the wait of others longer by going on', () => {
    const clock = testClock()
    const throttle = createLoginThrottle(clock)
    const guess = () =>
      throttle.take({
        address: `198.51.100.${Math.floor(clock.monotonic() / 1000) % 250}`,
        account: 'a',
        device: undefined,
      })
    for (let second = 0; second < 15 * 60; second++) {
      guess()
      clock.advance(1000)
    }
    expect(guess()).toBe(0)
  })

  it.each([
    ['an address', () => '192.0.2.1'],
    ['a network of IPv6, whichever of its addresses', (index: number) => `2001:db8:0:1::${index.toString(16)}`],
    ['an address, however it is written', (index: number) => (index % 2 === 0 ? '192.0.2.7' : '::ffff:192.0.2.7')],
  ])('has twenty from %s, for however many accounts', (_, addressOf) => {
    const throttle = createLoginThrottle(testClock())
    const waits = Array.from({ length: 500 }, (_all, index) =>
      throttle.take({ address: addressOf(index), account: `a${index}`, device: undefined }),
    )
    expect(waits.filter((waitMs) => waitMs === 0)).toHaveLength(20)
  })

  it('slips by no bound with attempts at the same moment: each is taken before it is judged', () => {
    const throttle = createLoginThrottle(testClock())
    const attempt = { address: '192.0.2.9', account: 'a', device: undefined }
    const parallel = Array.from({ length: 100 }, () => throttle.take(attempt))
    expect(parallel.filter((waitMs) => waitMs === 0)).toHaveLength(20)
  })
})

describe('what is refused', () => {
  it('is told alike to the byte: no account, a wrong password, no password, one that was taken away', async () => {
    await using gateway = await startAdmin()
    using world = await openWorld(gateway)
    const email = 'somebody@example.com'
    await gateway.api('POST', '/operators', { email, name: 'S', password })
    await gateway.api('POST', '/operators', { email: 'invited@example.com', name: 'I' })
    const gone = await gateway.api<{ id: string }>('POST', '/operators', {
      email: 'gone@example.com',
      name: 'G',
      password,
    })
    await gateway.api('DELETE', `/operators/${gone.body.id}`)
    const answers = []
    for (const one of [
      email,
      'nobody@example.com',
      'invited@example.com',
      'gone@example.com',
      'ＲＯＯＴ@example.com',
    ]) {
      const answer = await world.send('none', 'POST', '/platform/sessions', {
        email: one,
        password: 'not the password',
      })
      answers.push(fingerprint(answer))
    }
    expect(answers[0]).toMatch(/^HTTP\/1\.1 401 /)
    expect(new Set(answers).size).toBe(1)
    // Nor does a link that was never made differ from one that is used up.
    const links = [
      await world.send('none', 'POST', '/platform/setup', { token: 'x', password }),
      await world.send('none', 'POST', '/platform/setup', { token: 'y'.repeat(43), password }),
    ]
    expect(new Set(links.map(fingerprint)).size).toBe(1)
    expect(links[0]?.status).toBe(401)
  }, 60_000)

  it('is told alike of tokens: none, wrong, of wrong form, ended', async () => {
    const clock = testClock()
    await using gateway = await startAdmin(undefined, { clock })
    using world = await openWorld(gateway)
    const { token, operatorId } = await gateway.member('owner')
    const tokens = await gateway.store.listTokens({ operatorId }, { limit: 1 })
    await gateway.api('DELETE', `/tokens/${tokens[0]?.id}`)
    const answers = []
    for (const one of [
      token,
      'spat_',
      `spat_${'x'.repeat(43)}`,
      gateway.adminToken.slice(0, -1),
      `${gateway.adminToken}x`,
      gateway.adminToken.toUpperCase(),
      'x',
      'undefined',
    ]) {
      answers.push(fingerprint(await world.send(one, 'GET', '/platform/me')))
    }
    expect(answers[0]).toMatch(/^HTTP\/1\.1 401 /)
    expect(new Set(answers).size).toBe(1)
  })
})
