import { describe, expect, it } from 'vitest'
import { compileKeyFormats } from '../../src/keys/format.ts'
import { createLog, type LogFields, type LogLevel } from '../../src/log.ts'

const formats = compileKeyFormats({ prefix: 'sk', environments: ['live', 'test'], accept: [] })
const key = formats.generate('live').secret.reveal()

/** Logs one line. @returns it as text and parsed. */
function write(fields: LogFields, message: string, redact: (text: string) => string = formats.redact) {
  const lines: string[] = []
  const log = createLog({ level: 'info', destination: { write: (line) => lines.push(line) }, redact })
  log.info(fields, message)
  expect(lines).toHaveLength(1)
  const [text = ''] = lines
  return { text, line: JSON.parse(text) }
}

describe('the log', () => {
  it('is one JSON object per line, with time, level, fields and message', () => {
    const { text, line } = write({ plane: 'data', in_flight: 3, big: 12n, nothing: null }, 'listening')
    expect(line).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      plane: 'data',
      in_flight: 3,
      big: '12',
      nothing: null,
      msg: 'listening',
    })
    expect(text.endsWith('}\n')).toBe(true)
  })

  it.each<[string, LogFields, string]>([
    ['the message', {}, `got ${key}`],
    ['a field', { path: `/x/${key}` }, ''],
    ['the name of a field', { [key]: 1 }, ''],
    ['a nested field', { a: { b: [{ c: `${key}!` }] } }, ''],
    ['the name of a nested field', { a: { [`x ${key}`]: 1 } }, ''],
    ['the message of an error', { error: new Error(`bad ${key}`) }, ''],
    ['the code of an error', { error: Object.assign(new Error('bad'), { code: key }) }, ''],
    ['a line of its own inside a text', { detail: `first\n${key}\nlast` }, ''],
    ['what an object turns itself into', { secret_holder: { toJSON: () => ({ text: key }) } }, ''],
    ['percent-encoded form', { path: key.replace('_', '%5F') }, ''],
  ])('does not print a key that is in %s', (_where, fields, message) => {
    const { text } = write(fields, message)
    expect(text).toContain('[secret]')
    expect(text).not.toContain(key.slice(10, 30))
  })

  it('prints name, message, code and stack of an error, and nothing else of it', () => {
    const error = Object.assign(new TypeError('no luck'), { code: 'ENOLUCK', config: { token: 'hidden' } })
    const { line, text } = write({ error }, 'fault')
    expect(line.error).toEqual({
      name: 'TypeError',
      message: 'no luck',
      code: 'ENOLUCK',
      stack: expect.stringContaining('log.test.ts'),
    })
    expect(text).not.toContain('hidden')
  })

  it('leaves out what a client sends whole, should somebody try to log it', () => {
    const { line, text } = write(
      { headers: { cookie: 'a=1' }, query: 'q=2', body: 'three', nested: { Authorization: 'Basic 4' }, url: '/5' },
      'request',
    )
    expect(line).toMatchObject({ headers: '[omitted]', query: '[omitted]', body: '[omitted]', url: '[omitted]' })
    expect(text).not.toMatch(/a=1|q=2|three|Basic|\/5/)
  })

  it('lets no text break its line or steer a terminal', () => {
    const { text } = write({ path: 'a\r\n{"level":"error"}\u001b[2J\u009b2J\u2028\u007f' }, 'line\nline')
    expect(text.trimEnd()).toMatch(/^[\x20-\x7e]+$/)
  })

  it('lets no field pass for the level, the time or the message', () => {
    const { text, line } = write({ level: 'error', time: 'never', msg: 'other' }, 'real')
    expect(line).toMatchObject({ level: 'info', msg: 'real', level_: 'error', time_: 'never', msg_: 'other' })
    expect(text.match(/"(level|time|msg)":/g)).toHaveLength(3)
  })

  it('stays bounded and quiet whatever it is given', () => {
    const circle: Record<string, unknown> = { name: 'circle' }
    circle.self = circle
    const wide = Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`f${at}`, 'x'.repeat(10)]))
    const hostile = {
      get bad() {
        throw new Error('no')
      },
    }
    const { text, line } = write(
      { circle, wide, list: Array(5000).fill(1), long: 'x'.repeat(1e6), hostile, buffer: Buffer.from(key) },
      'odd',
    )
    expect(text.length).toBeLessThan(10_000)
    expect(line).toMatchObject({ long: '[text of 1000000 characters]', hostile: '[unreadable]', buffer: '[binary]' })
  })

  it('prints nothing of a text that could not be searched for keys', () => {
    const { text } = write({ path: '/private' }, 'message', () => {
      throw new Error('broken')
    })
    expect(text).not.toMatch(/private|message/)
  })

  it('writes from its level up, and nothing at all when silent', () => {
    const printed = (level: LogLevel | 'silent') => {
      const lines: string[] = []
      const log = createLog({ level, destination: { write: (line) => lines.push(line) }, redact: (text) => text })
      for (const at of ['debug', 'info', 'warn', 'error'] as const) if (log.enabled(at)) log[at]({}, at)
      for (const at of ['debug', 'info', 'warn', 'error'] as const) log[at]({}, at)
      return lines.map((line) => JSON.parse(line).msg)
    }
    expect(printed('warn')).toEqual(['warn', 'error', 'warn', 'error'])
    expect(printed('debug')).toHaveLength(8)
    expect(printed('silent')).toEqual([])
  })
})
