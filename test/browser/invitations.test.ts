import { describe, expect, it } from 'vitest'
import { startAdmin } from '../helpers/admin.ts'
import { forThisTest } from '../helpers/for-this-test.ts'
import { logInMember, password } from '../helpers/operators.ts'
import { visit } from '../helpers/visit.ts'

describe('an invitation that got lost', () => {
  it('is made again by an owner, leads in, and is offered to nobody else', async () => {
    const gateway = await forThisTest(startAdmin())
    const { id } = gateway.organization
    const owner = await logInMember(gateway, id, 'owner')
    const { page } = await visit(gateway.adminUrl, `/o/${id}/members?dialog=add`, { email: owner.email })
    const form = page.getByRole('dialog', { name: 'Add a member' })
    await form.getByRole('textbox', { name: 'E-mail' }).fill('late@example.com')
    await form.getByRole('textbox', { name: 'Name' }).fill('Late Riser')
    await form.getByRole('button', { name: 'Add', exact: true }).click()
    const take = async (): Promise<string> => {
      const url = (await page.getByTestId('secret').textContent()) ?? ''
      await page.getByLabel('I have sent it on').check()
      await page.getByRole('button', { name: 'Done' }).click()
      return url
    }
    const first = await take()
    await page.getByRole('button', { name: 'Actions for Late Riser' }).click()
    await page.getByRole('menuitem', { name: 'Make the link again…' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Make the link' }).click()
    const second = await take()
    expect(second).not.toBe(first)

    const guest = await visit(gateway.adminUrl, '/')
    await guest.page.goto(first)
    await guest.page.getByRole('textbox', { name: 'Password' }).fill(password)
    guest.expectProblem(/^POST \/platform\/setup was answered 401$/)
    await guest.page.getByRole('button', { name: 'Set the password' }).click()
    await guest.page.getByText('This link is no longer good').waitFor()
    await guest.page.goto(second)
    await guest.page.getByRole('textbox', { name: 'Password' }).fill(password)
    await guest.page.getByRole('button', { name: 'Set the password' }).click()
    await guest.page.getByRole('heading', { name: 'Acme', level: 1 }).waitFor()

    // In by now: no link is offered for them.
    await page.reload()
    await page.getByRole('row', { name: /Late Riser.*active/ }).waitFor()
    await page.getByRole('button', { name: 'Actions for Late Riser' }).click()
    await page.getByRole('menuitem', { name: 'Change the role' }).waitFor()
    expect(await page.getByRole('menuitem', { name: 'Make the link again…' }).count()).toBe(0)
  })

  it('of an account that root has made is told to be root’s', async () => {
    const gateway = await forThisTest(startAdmin())
    const { id } = gateway.organization
    const owner = await logInMember(gateway, id, 'owner')
    await gateway.api('POST', `/organizations/${id}/members`, {
      ...{ email: 'known@example.com', name: 'Known To Root', role: 'viewer' },
    })
    const { page, expectProblem } = await visit(gateway.adminUrl, `/o/${id}/members`, { email: owner.email })
    await page.getByRole('button', { name: 'Actions for Known To Root' }).click()
    await page.getByRole('menuitem', { name: 'Make the link again…' }).click()
    expectProblem(/\/link was answered 403$/)
    await page.getByRole('dialog').getByRole('button', { name: 'Make the link' }).click()
    await page.getByText('root alone makes a link for it').waitFor()
  })
})
