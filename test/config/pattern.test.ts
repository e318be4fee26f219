import { describe, expect, it } from 'vitest'
import { type Pattern, parsePattern } from '../../src/config/pattern.ts'

describe('parsePattern', () => {
  it('reads literals, parameters and a final *', () => {
    expect(parsePattern('/api/:org_id/files/*')).toEqual({
      text: '/api/:org_id/files/*',
      segments: [
        { kind: 'literal', text: 'api' },
        { kind: 'parameter', name: 'org_id' },
        { kind: 'literal', text: 'files' },
      ],
      wildcard: true,
      parameters: ['org_id'],
      shape: '/api/{}/files/{*}',
    })
  })

  it('reads the root and everything', () => {
    expect(parsed('/')).toMatchObject({ text: '/', segments: [], wildcard: false, shape: '/' })
    expect(parsed('/*')).toMatchObject({ text: '/*', segments: [], wildcard: true })
    expect(parsed('/').shape).not.toBe(parsed('/*').shape)
  })

  it.each([
    ['/café', '/caf%C3%A9'],
    ['/caf%c3%a9', '/caf%C3%A9'],
    ['/a b', '/a%20b'],
    ['/%61%2a', '/a*'],
    ['/日本/😀', '/%E6%97%A5%E6%9C%AC/%F0%9F%98%80'],
    ['/{x', '/%7Bx'],
    ['/x:cancel', '/x:cancel'],
  ])('brings the literals of %s to the form that requests have', (text, canonical) => {
    expect(parsed(text).text).toBe(canonical)
  })

  it('gives two patterns one shape exactly when they match the same paths', () => {
    expect(parsed('/a/:x').shape).toBe(parsed('/a/:y').shape)
    expect(parsed('/caf%c3%a9').shape).toBe(parsed('/café').shape)
    expect(parsed('/a/%3Ax').shape).not.toBe(parsed('/a/:x').shape)
    expect(parsed('/a/%2A').shape).not.toBe(parsed('/a/*').shape)
    expect(parsed('/a/%7B%7D').shape).not.toBe(parsed('/a/:x').shape)
    expect(parsed('/a/%7B%2A%7D').shape).not.toBe(parsed('/a/*').shape)
  })

  it.each([
    ['api', 'must start with /'],
    ['', 'must start with /'],
    ['/api/', 'ends in /; write /api for that path alone, or /api/* for it and everything below it'],
    ['//', 'ends in /; write / for that path alone, or /* for it and everything below it'],
    ['/a//b', 'has an empty segment (//); no request has one'],
    ['/a/*/b', 'has a * before its end; * may only be the last segment. For one segment in between write :name'],
    ['/a/**', 'has **; write one * as the last segment, it covers everything below'],
    ['/a/b*', 'has "b*"; * must be the whole last segment. For a literal asterisk write %2A'],
    ['/a/{id}', 'has "{id}"; a parameter is written :id'],
    ['/a/{proxy+}', 'has "{proxy+}"; a parameter is written :proxy'],
    ['/a/<project-id>', 'has "<project-id>"; a parameter is written :project_id'],
    ['/a/[id]', 'has "[id]"; a parameter is written :id'],
    ['/a/:id/b/:id', 'has the parameter :id twice; give each its own name'],
    ['/a/:', 'has ":", which is not a parameter; a parameter is a whole segment, : and then letters, digits and _'],
    [
      '/a/:id.json',
      'has ":id.json", which is not a parameter; a parameter is a whole segment, : and then letters, digits and _',
    ],
    ['/a/:1', 'has ":1", which is not a parameter; a parameter is a whole segment, : and then letters, digits and _'],
    ['/a/../b', 'has the segment ".."; requests with . or .. are refused, write the path that is meant'],
    ['/a?b=1', 'has a ?; a route is chosen by its path alone, leave the query out'],
    ['/a#b', 'has a #; leave it out, browsers never send what follows it'],
    ['/a;b', 'has a ;, and requests with one are refused; leave it out'],
    ['/a\\b', 'has a \\; segments are divided by /'],
    ['/a%2Fb', 'has an encoded / (%2F), and requests with one are refused'],
    ['/100%', 'has a % without two hex digits behind it; for a literal % write %25'],
    ['/a\tb', 'has a control character; requests with one are refused'],
    ['/%2541', 'has the segment "%2541", which is refused in every request, so that this route would never match'],
    ['/%FF', 'has the segment "%FF", which is refused in every request, so that this route would never match'],
    ['/\ud800', 'has the segment "\\ud800", which is refused in every request, so that this route would never match'],
  ])('complains about %j', (text, complaint) => {
    expect(parsePattern(text)).toBe(complaint)
  })
})

function parsed(text: string): Pattern {
  const pattern = parsePattern(text)
  if (typeof pattern === 'string') expect.fail(`${text} ${pattern}`)
  return pattern
}
