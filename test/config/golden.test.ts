import { readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { formatProblems, parseConfig } from '../../src/config/load.ts'

const folder = new URL('./golden/', import.meta.url)
const read = (name: string): string => readFileSync(new URL(name, folder), 'utf8')
const cases = readdirSync(folder).filter((name) => name.endsWith('.yaml'))

/** What the cases find in the environment. */
const env = { WORKERS: 'three', PASSWORD_LIKE: 'hunter2' }

it('has a text for every case, and a case for every text', () => {
  const texts = readdirSync(folder).filter((name) => name.endsWith('.txt'))
  expect(texts.map((name) => name.replace('.txt', ''))).toEqual(cases.map((name) => name.replace('.yaml', '')))
  expect(cases.length).toBeGreaterThanOrEqual(30)
})

it.each(cases)('tells what is wrong with %s, and what to do', (name) => {
  const result = parseConfig(read(name), 'gateway.yaml', env)
  const told = result.ok ? 'nothing' : formatProblems(result.problems)
  expect(`${told}\n`).toBe(read(name.replace('.yaml', '.txt')))
  expect(told).not.toContain('hunter2')
})
