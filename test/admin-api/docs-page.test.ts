import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AdminGateway, startAdmin } from '../helpers/admin.ts'

let gateway: AdminGateway
let html: string
beforeAll(async () => {
  gateway = await startAdmin()
  html = await (await fetch(`${gateway.adminUrl}/docs`)).text()
})
afterAll(() => gateway[Symbol.asyncDispose]())

const referenced = () => [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path = '']) => path)

describe('/docs', () => {
  it('is a page whose every part is on this server', async () => {
    const parts = referenced()
    expect(parts.length).toBeGreaterThan(4)
    for (const part of parts) {
      const url = new URL(part, `${gateway.adminUrl}/docs`)
      expect(url.origin).toBe(gateway.adminUrl)
      const answer = await fetch(url)
      const expected = part.endsWith('.js') ? 'javascript' : part.endsWith('.css') ? 'text/css' : 'image/'
      expect([part, answer.status, answer.headers.get('content-type')]).toEqual([
        part,
        200,
        expect.stringContaining(expected),
      ])
      expect((await answer.arrayBuffer()).byteLength).toBeGreaterThan(100)
    }
  })

  it('has the same page with a slash behind it, and the document that the page asks for', async () => {
    const slashed = await fetch(`${gateway.adminUrl}/docs/`)
    expect([slashed.status, await slashed.text()]).toEqual([200, expect.stringContaining('id="swagger-ui"')])
    const document = await (await fetch(`${gateway.adminUrl}/docs/json`)).json()
    expect(document).toEqual(await (await fetch(`${gateway.adminUrl}/openapi.json`)).json())
  })

  it('runs and styles nothing that stands in the page, and asks nobody else', async () => {
    const { headers } = await fetch(`${gateway.adminUrl}/docs`)
    const policy = headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("script-src 'self';")
    expect(policy).not.toMatch(/unsafe|https?:|\*/)
    // What the scripts of the page put into it themselves is let in by its hash, one text at a time.
    const styles = new Set<string>()
    for (const script of referenced().filter((path) => path.endsWith('.js'))) {
      const code = await (await fetch(new URL(script, `${gateway.adminUrl}/docs`))).text()
      for (const [, text = ''] of code.matchAll(/createElement\("style",null,"([^"\\]*)"/g)) styles.add(text)
    }
    const hashes = [...styles].map((text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`)
    expect(/style-src ([^;]*)/.exec(policy)?.[1]?.split(' ').sort()).toEqual(["'self'", ...hashes].sort())
    expect(html).not.toMatch(/<script(?![^>]+src=)|<style|\sstyle=|\son\w+=/)
    for (const part of referenced().filter((path) => path.endsWith('.css'))) {
      const css = await (await fetch(new URL(part, `${gateway.adminUrl}/docs`))).text()
      expect([...css.matchAll(/url\((?!["']?data:)[^)]*\)|@import/g)].map(([found]) => found)).toEqual([])
    }
    const initializer = await (await fetch(`${gateway.adminUrl}/docs/static/swagger-initializer.js`)).text()
    expect(initializer).toContain('validatorUrl: null')
    expect(initializer).not.toMatch(/["']https?:/)
  })

  it('keeps the headers that every answer of this listener has', async () => {
    const { headers } = await fetch(`${gateway.adminUrl}/docs`)
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('x-frame-options')).toBe('DENY')
  })
})
