import { describe, expect, it } from 'vitest'
import { adminConfig, startAdmin } from '../helpers/admin.ts'
import { testClock } from '../helpers/clock.ts'
import { forThisTest } from '../helpers/for-this-test.ts'
import { password } from '../helpers/operators.ts'
import { visit } from '../helpers/visit.ts'

describe('what hands out access', () => {
  it('asks for the password again ten minutes after a log-in, keeps what was typed, and goes on with it', async () => {
    const clock = testClock(Date.now())
    const gateway = await forThisTest(startAdmin(adminConfig, { clock }))
    const email = 'ada@example.com'
    await gateway.api('POST', '/operators', { email, name: 'Ada Lovelace', is_root: true, password })
    const { page, expectProblem } = await visit(gateway.adminUrl, '/operators?dialog=create', { email })
    clock.advance(10 * 60_000 + 1000)

    const form = page.getByRole('dialog', { name: /operator/i }).filter({ hasText: 'Root' })
    const proof = page.getByRole('dialog', { name: 'Is it still you?' })
    await form.getByRole('textbox', { name: 'Name' }).fill('Grace Hopper')
    await form.getByRole('textbox', { name: 'E-mail' }).fill('grace@example.com')
    const send = form.getByRole('button', { name: 'Add and make a link' })
    expectProblem(/^POST \/platform\/operators was answered 403$/)
    await send.click()
    await proof.waitFor()

    // Whoever thinks better of it is back at the form, and nothing was made.
    await proof.getByRole('button', { name: 'Cancel' }).click()
    await form.getByRole('alert').waitFor()
    expect(await form.getByRole('textbox', { name: 'Name' }).inputValue()).toBe('Grace Hopper')
    expect(await gateway.store.findOperatorByEmail('grace@example.com')).toBeUndefined()

    await send.click()
    expectProblem(/^POST \/platform\/sessions was answered 401$/)
    await proof.getByRole('textbox', { name: 'Password' }).fill('something else entirely')
    await proof.getByRole('button', { name: 'Continue' }).click()
    await proof.getByText('This is not your password').waitFor()
    await proof.getByRole('textbox', { name: 'Password' }).fill(password)
    await proof.getByRole('button', { name: 'Continue' }).click()
    await page.getByTestId('secret').waitFor()
    expect(await gateway.store.findOperatorByEmail('grace@example.com')).toMatchObject({ name: 'Grace Hopper' })

    // Proven, the next one is not asked for; the session of before is over.
    await page.getByLabel('I have sent it on').check()
    await page.getByRole('button', { name: 'Done' }).click()
    await page.getByRole('button', { name: 'Add operator' }).click()
    await form.getByRole('textbox', { name: 'Name' }).fill('Alan Turing')
    await form.getByRole('textbox', { name: 'E-mail' }).fill('alan@example.com')
    await send.click()
    await page.getByTestId('secret').waitFor()
    const sessions = await gateway.store.listSessions({ createdAfter: 0, seenAfter: 0 })
    expect(sessions).toHaveLength(1)
  })
})
