import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../src/config/load.ts'

const shown = (text: string, env = {}): string => {
  const loaded = parseConfig(text, 'gateway.yaml', env)
  if (!loaded.ok) throw new Error(loaded.problems.map(({ message }) => message).join('\n'))
  return loaded.shown
}
const oidc = (secret: string, more = '') => `${more}
admin:
  oidc:
    issuer: https://id.example.com
    client_id: sallyport
    client_secret: ${secret}
`

describe('the text of a file as it is shown', () => {
  it.each([
    ['plain', 'hunter2'],
    ['in quotes', '"hunter2"'],
    ['as a block', '>-\n      hunter2'],
    ['with an anchor', '&secret hunter2'],
    ['as the default of a variable', `"\${OIDC:-hunter2}"`],
    ['behind a variable', `"\${OIDC:-}hunter2"`],
  ])('has no secret that is written %s', (_how, secret) => {
    const text = shown(oidc(secret))
    expect(text).not.toContain('hunter2')
    expect(text).toContain('[secret]')
    expect(text).toContain('client_id: sallyport')
  })

  it('has none that an alias gets from elsewhere', () => {
    const text = shown(
      'admin: { oidc: { issuer: "https://id.example.com", client_id: &x hunter2, client_secret: *x } }',
    )
    expect(text).not.toContain('hunter2')
  })

  it('has none that a comment remembers, however far behind its sign, and shows the rest of the file', () => {
    const far = `# ${'long ago '.repeat(100)}password: hunter2`
    const comments = [
      far,
      '# token = "hunter2" # and hunter2',
      "  #  'api-token' : hunter2",
      '#secret=hunter2\r',
      '## a # b secret: hunter2',
    ]
    const text = shown(oidc(`\${OIDC}`, `${comments.join('\n')}\n# the token is elsewhere\n# token: # none\n`), {
      OIDC: 'x',
    })
    expect(text).not.toContain('hunter2')
    expect(text.match(/\[secret\]/g)).toHaveLength(comments.length)
    expect(text).toContain('\n# the token is elsewhere\n# token: # none\n')
  })

  it('has none that a comment remembers, and no password of a URL', () => {
    const text = shown(oidc(`\${OIDC}`, '# client_secret: hunter2\n# redis://user:hunter2@cache:6379\n'), { OIDC: 'x' })
    expect(text).not.toContain('hunter2')
    expect(text).toContain('@cache:6379')
  })

  it('says from which variable a secret comes, and leaves the rest to the letter', () => {
    const text = oidc(`\${OIDC}`, 'scopes: { "secret:read": Read secrets }')
    expect(shown(text, { OIDC: 'hunter2' })).toBe(text)
  })
})

describe('what came from the environment', () => {
  const secret = 'pA55word-of-The-Store'
  const messages = (text: string, env: Record<string, string> = { X: secret }): string => {
    const loaded = parseConfig(text, 'gateway.yaml', env)
    return loaded.ok ? '' : loaded.problems.map(({ message }) => message).join('\n')
  }

  it.each([
    ['the name of an upstream', `routes: [{ path: /x, upstream: "\${X}" }]`],
    ['a scope', `routes: [{ path: /x, scopes: ["\${X}"], deny: true }]`],
    ['a limit', `routes: [{ path: /x, limits: ["\${X}"], deny: true }]`],
    ['the same path twice', `routes: [{ path: "/\${X}", deny: true }, { path: "/\${X}", deny: true }]`],
    ['a look-alike', `routes: [{ path: "/\${X}", deny: true }, { path: "/PA55WORD-OF-THE-STORE", deny: true }]`],
  ])('is in no problem: %s', (_what, text) => {
    const told = messages(text)
    expect(told).not.toBe('')
    // What the file itself says may be repeated.
    expect(told.replaceAll('/PA55WORD-OF-THE-STORE', '')).not.toMatch(/pa55w|word-of|-the-store/i)
  })

  it('is in none in pieces either, where a long value is cut off', () => {
    const long = Array.from({ length: 40 }, (_, index) => `part${index}`).join(' ')
    expect(messages(`routes: [{ path: /x, upstream: "\${X}" }]`, { X: long })).not.toMatch(/part\d/)
  })
})

describe('aliases', () => {
  it('stand for the last node with their name above them', () => {
    const loaded = parseConfig('scopes: { "a:x": &t one, "b:x": *t, "c:x": &t two, "d:x": *t }', 'gateway.yaml', {})
    expect(loaded.ok && loaded.config.scopes).toEqual({ 'a:x': 'one', 'b:x': 'one', 'c:x': 'two', 'd:x': 'two' })
  })

  it('are judged in one walk, however many there are', () => {
    const many = `a: &a [1]\nb: [${'*a,'.repeat(30_000)}]`
    const began = performance.now()
    expect(parseConfig(many, 'gateway.yaml', {}).ok).toBe(false)
    // Asking each alias for its node was 30,000 walks of the whole document: minutes.
    expect(performance.now() - began).toBeLessThan(10_000)
  })
})
