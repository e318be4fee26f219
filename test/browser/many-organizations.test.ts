import { expect, it } from 'vitest'
import { startAdmin } from '../helpers/admin.ts'
import { forThisTest } from '../helpers/for-this-test.ts'
import { testActor } from '../helpers/gateway.ts'
import { logInMember } from '../helpers/operators.ts'
import { visit } from '../helpers/visit.ts'

it('somebody in 500 organizations sees all of them, switches to each, and may there what they may there', async () => {
  const gateway = await forThisTest(startAdmin())
  const { id, email } = await logInMember(gateway, gateway.organization.id, 'viewer')
  await gateway.store.updateOrganization(gateway.organization.id, { name: 'The very first' }, testActor)
  for (let number = 1; number < 500; number++) {
    const made = await gateway.createOrg({ name: `Branch ${number}` })
    await gateway.store.addMember(made.id, id, number === 1 ? 'owner' : 'viewer', testActor)
  }
  const { page, go } = await visit(gateway.adminUrl, '/', { email })
  const switcher = page.getByRole('button', { name: /^Organization: / })
  const find = page.getByRole('textbox', { name: 'Find an organization' })
  await page.getByRole('heading', { name: 'Branch 499', level: 1 }).waitFor()

  // The oldest but one: not among those that anybody is told of at once, and theirs to own.
  await switcher.click()
  await find.fill('branch 1')
  await page
    .getByRole('menuitem', { name: 'Branch 1 branch-1', exact: true })
    .or(page.getByRole('menuitem', { name: 'Show more' }))
    .first()
    .waitFor()
  await find.fill('branch-1')
  await page
    .getByRole('menuitem', { name: /^Branch 1\d\d?/ })
    .first()
    .waitFor()
  await page.getByRole('menuitem', { name: 'Show more' }).click()
  await page.getByRole('menuitem', { name: 'Show more' }).click()
  await page.getByRole('menuitem', { name: /^Branch 1 ?branch-1$/ }).click()
  await page.getByRole('heading', { name: 'Branch 1', level: 1, exact: true }).waitFor()
  await page.getByRole('link', { name: 'Members' }).click()
  await page.getByRole('button', { name: 'Add member' }).waitFor()

  // A viewer there; found and chosen with the keyboard alone.
  await switcher.press('Enter')
  await find.fill('VERY first')
  await page.getByRole('menuitem', { name: /The very first/ }).waitFor()
  await find.press('Enter')
  await page.getByRole('button', { name: 'Organization: The very first' }).waitFor()
  expect(await page.getByRole('button', { name: 'Add member' }).count()).toBe(0)
  // It is the one to come back to.
  await go('/')
  await page.getByRole('heading', { name: 'The very first', level: 1 }).waitFor()

  await go('/account')
  await page.getByRole('link', { name: '300 more' }).click()
  await page.getByRole('heading', { name: 'Organizations', level: 1 }).waitFor()
})
