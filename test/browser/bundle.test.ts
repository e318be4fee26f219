import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'

const built = fileURLToPath(new URL('../../dist/admin', import.meta.url))
const page = readFileSync(join(built, 'index.html'), 'utf8')
const gzipBytes = (content: Buffer | string): number => gzipSync(content, { level: 6 }).byteLength

describe('the dashboard as it was built', () => {
  it('needs less than 350 kB, compressed, before its first page is there', () => {
    const linked = [...page.matchAll(/(?:src|href)="(?:\.?\/)?(assets\/[^"]+)"/g)].map(([, name = '']) => name)
    // What those files import, by name, is loaded at once too.
    const all = new Set<string>()
    const add = (name: string): void => {
      if (all.has(name)) return
      all.add(name)
      if (!name.endsWith('.js')) return
      const source = readFileSync(join(built, name), 'utf8')
      for (const [, other] of source.matchAll(/(?:^|[;}\s])(?:import|from)\s*["'`]\.\/([\w.-]+)["'`]/g))
        add(`assets/${other}`)
      for (const [, other] of source.matchAll(/from["'`]\.\/([\w.-]+)["'`]/g)) add(`assets/${other}`)
    }
    for (const name of linked) add(name)
    expect(linked.some((name) => name.endsWith('.js')) && linked.some((name) => name.endsWith('.css'))).toBe(true)
    const sizes = [...all].map((name) => [name, gzipBytes(readFileSync(join(built, name)))] as const)
    const total = sizes.reduce((sum, [, size]) => sum + size, gzipBytes(page))
    expect(total, sizes.map(([name, size]) => `${name} ${size}`).join('\n')).toBeLessThan(350_000)
    // All pages together stay within it too, or their splitting has come undone.
    const everything = readdirSync(join(built, 'assets')).filter((name) => /\.(js|css)$/.test(name))
    expect(all.size).toBeLessThan(everything.length)
  })

  it('has no script or style in its page, and asks nothing of other hosts', () => {
    expect(page).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\son\w+=|style="/)
    expect([...page.matchAll(/(?:src|href)="([^"]+)"/g)].filter(([, to = '']) => /^(https?:)?\/\//.test(to))).toEqual(
      [],
    )
  })
})
