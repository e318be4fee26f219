import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { startAdmin } from '../helpers/admin.ts'
import { openBrowser } from '../helpers/browser.ts'
import { testClock } from '../helpers/clock.ts'
import { spawnGateway } from '../helpers/gateway-process.ts'
import { logInMember, password } from '../helpers/operators.ts'

const wrong = 'not the password at all'

/** Of `sallyport_admin_logins_total`, the series that are not 0. */
const counted = (metrics: string) =>
  Object.fromEntries(
    [...metrics.matchAll(/^sallyport_admin_logins_total\{method="(\w+)",result="(\w+)"\} (\d+)$/gm)]
      .filter(([, , , count]) => count !== '0')
      .map(([, method, result, count]) => [`${method} ${result}`, Number(count)]),
  )

describe('log-ins', () => {
  it('are counted by method and result, and every series is there from the start', async () => {
    const clock = testClock()
    await using gateway = await startAdmin(undefined, { clock })
    expect((await gateway.metrics()).match(/^sallyport_admin_logins_total\{/gm)).toHaveLength(9)
    const { email, browser } = await logInMember(gateway, gateway.organization.id, 'viewer')
    const attempt = (path: string, body: object) => browser.send('POST', path, body)
    for (let at = 0; at < 12; at++) await attempt('/platform/sessions', { email, password: wrong })
    await attempt('/platform/setup', { token: 'x', password })
    expect(counted(await gateway.metrics())).toEqual({
      'password succeeded': 1,
      'password refused': 10,
      'password throttled': 2,
      'link refused': 1,
    })
    const invited = await gateway.api<{ invitation: { url: string } }>('POST', '/operators', {
      email: 'ada@example.com',
      name: 'Ada',
    })
    const token = invited.body.invitation.url.split('#token=')[1]
    expect((await attempt('/platform/setup', { token, password })).status).toBe(201)
    expect(counted(await gateway.metrics())).toMatchObject({ 'link succeeded': 1, 'link refused': 1 })
  }, 30_000)

  it('are lines that name operator and address, and nothing that could be a password', async () => {
    await using gateway = await startAdmin()
    const { id, email } = await logInMember(gateway, gateway.organization.id, 'viewer')
    const { raw } = await gateway.createKey()
    await gateway.writeConfig('log: { level: info }')
    await using process = await spawnGateway(gateway.configFile)
    const browser = openBrowser(process.adminUrl)
    const attempt = (address: string, word: string) =>
      browser.send('POST', '/platform/sessions', { email: address, password: word })
    await attempt('my secret in the wrong field', wrong)
    // Not even taken in, so that nobody has to leave it out.
    expect((await attempt(`${raw}@example.com`, wrong)).status).toBe(422)
    await attempt('nobody@example.com', wrong)
    // The first three of a kind are written at once, and what follows in ten seconds is one line at the end.
    expect((await attempt(email, password)).status).toBe(201)
    process.child.kill('SIGTERM')
    if (process.child.exitCode === null) await once(process.child, 'exit')
    const lines = process
      .output()
      .split('\n')
      .filter((line) => line.includes('the admin plane'))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lines).toMatchObject([
      { method: 'password', result: 'refused', operator_id: null, email: null, ip: '127.0.0.1' },
      { result: 'refused', email: 'nobody@example.com', request_id: expect.any(String) },
      { result: 'succeeded', operator_id: id, email: null },
    ])
    for (const secret of [wrong, password, raw, raw.toLowerCase(), 'wrong field', ...browser.cookies.values()]) {
      expect(process.output()).not.toContain(secret)
    }
  }, 30_000)
})
