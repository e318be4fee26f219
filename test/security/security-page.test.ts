import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const page = readFileSync(`${root}/SECURITY.md`, 'utf8')
const table = page.slice(page.indexOf('## What befell others'))

/** Rows of the tables: what happened, how it works, what holds it off. */
const rows = table
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| advisory '))
  .map((line) => line.slice(2, -2).split(' | '))

const tests = rows.flatMap(([, , held = '']) =>
  held.split('<br>').flatMap((each) => {
    const found = /^`(test\/[\w/-]+\.test\.ts)` › (.+)$/.exec(each)
    return found ? [{ file: found[1] ?? '', title: found[2] ?? '' }] : []
  }),
)

describe('SECURITY.md', () => {
  it('tells of each class what happened, how it works, and which test holds it off or why it is none here', () => {
    expect(rows.length).toBeGreaterThanOrEqual(60)
    for (const row of rows) {
      expect(row).toEqual([expect.stringMatching(/\w/), expect.stringMatching(/\.$/), expect.any(String)])
      expect(row[2]).toMatch(/^(?:(?:`test\/[\w/-]+\.test\.ts` › [^`|]+?(?:<br>|$))+|not applicable because .+)$/)
    }
  })

  it('names no advisory twice in a column of a row, and each in its own form', () => {
    for (const [advisories = ''] of rows) {
      const ids = advisories.match(/\b(?:CVE|GHSA)-[\w-]+/g) ?? []
      for (const id of ids) expect(id).toMatch(/^(?:CVE-\d{4}-\d{4,6}|GHSA(?:-[2-9cfghjmpqrvwx]{4}){3})$/)
      expect(new Set(ids).size).toBe(ids.length)
    }
  })

  it.each(tests)('$file has the test: $title', ({ file, title }) => {
    expect(titlesOf(file)).toContain(title)
  })

  it('leaves out no test of an advisory', () => {
    const named = new Set(tests.map(({ file, title }) => `${file} › ${title}`))
    const all = globSync('test/security/advisories/*.test.ts', { cwd: root }).flatMap((file) =>
      titlesOf(file).map((title) => `${file} › ${title}`),
    )
    expect(all.length).toBeGreaterThan(60)
    expect(all.filter((each) => !named.has(each))).toEqual([])
  })

  it('is linked from the first page', () => {
    expect(readFileSync(`${root}/README.md`, 'utf8')).toContain('](SECURITY.md)')
  })
})

function titlesOf(file: string): string[] {
  const source = readFileSync(`${root}/${file}`, 'utf8')
  return [...source.matchAll(/^\s*it\(\s*'([^']+)'/gm)].map(([, title = '']) => title)
}
