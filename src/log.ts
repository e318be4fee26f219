import { pino } from 'pino'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export type LogFields = Readonly<Record<string, unknown>>

/** Writes JSON lines. Only `createEvents` should need it: see events.ts. */
export interface Log extends Record<LogLevel, (fields: LogFields, message: string) => void> {
  /** Whether lines of this level are written; spares the making of fields that nobody reads. */
  enabled(level: LogLevel): boolean
  /** Writes out what is buffered, and waits for it; for the last moment before the process ends. */
  flush(): void
}

export interface LogOptions {
  readonly level: LogLevel | 'silent'
  /** On every line. */
  readonly base?: LogFields
  /** Takes whole lines; stdout when left out. */
  readonly destination?: { write(line: string): void }
  /** Replaces everything in a text that is shaped like a key. See keys/format.ts. */
  readonly redact: (text: string) => string
}

/**
 * A log that can't print a secret: every string in any field, key or message goes through `redact`, fields that are named
 * like something a client sent whole (headers, query, body, …) are left out, and control characters are escaped.
 * It never throws, and bounds what it prints in depth, breadth and length.
 */
export function createLog({ level, base = {}, destination, redact }: LogOptions): Log {
  const buffered = destination ? undefined : stdout()
  const logger = pino(
    {
      level,
      base,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination ?? buffered,
  )
  const clean = cleaner(redact)
  const writer = (at: LogLevel) =>
    logger.isLevelEnabled(at)
      ? (fields: LogFields, message: string) => logger[at](clean.fields(fields), clean.text(message))
      : () => {}
  return {
    debug: writer('debug'),
    info: writer('info'),
    warn: writer('warn'),
    error: writer('error'),
    enabled: (at) => logger.isLevelEnabled(at),
    flush: () => buffered?.flushSync(),
  }
}

// Asynchronous and with a bound: a reader of our stdout that stalls must not stall requests. What does not fit is lost.
// Workers share it: a write that is longer than a pipe takes in one piece is cut by what another process writes (PIPE_BUF).
const stdout = () => pino.destination({ dest: 1, sync: false, maxLength: 4 * 1024 * 1024, maxWrite: 4096 })

const depthMax = 6
const entriesMax = 100
const textMax = 64 * 1024
const namesMax = 500

// Nothing of ours logs these; should a later change try to, it gets no further than here.
const omitted = /^(req|res|request|response|headers|query|body|url|cookies?|(proxy-?)?authorization|password|secret)$/i
const reserved = ['level', 'time', 'msg']
// C1 controls and line separators steer terminals too, but JSON leaves them as they are.
const unsafe = /[\u007f-\u009f\u2028\u2029]/g

function cleaner(redact: (text: string) => string) {
  const text = (value: string): string => {
    // Cut texts could end in the first half of a key that is no longer recognized as one.
    if (value.length > textMax) return `[text of ${value.length} characters]`
    try {
      return redact(value).replace(unsafe, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
    } catch {
      return '[unreadable]'
    }
  }

  const any = (value: unknown, depth: number): unknown => {
    switch (typeof value) {
      case 'string':
        return text(value)
      case 'number':
      case 'boolean':
      case 'undefined':
        return value
      case 'bigint':
        return String(value)
      case 'object':
        if (value === null) return null
        return depth >= depthMax ? '[deep]' : object(value, depth)
      default:
        return undefined
    }
  }

  const object = (value: object, depth: number): unknown => {
    try {
      if (value instanceof Error) return error(value)
      if (ArrayBuffer.isView(value)) return '[binary]'
      if ('toJSON' in value && typeof value.toJSON === 'function') return any(value.toJSON(), depth + 1)
      if (Array.isArray(value)) return value.slice(0, entriesMax).map((entry) => any(entry, depth + 1))
      return entries(value, depth)
    } catch {
      return '[unreadable]'
    }
  }

  const entries = (value: object, depth: number): Record<string, unknown> => {
    const result: Record<string, unknown> = {}
    for (const [key, entry] of Object.entries(value).slice(0, entriesMax)) {
      const { shown, omit } = nameOf(key)
      result[shown] = omit ? '[omitted]' : any(entry, depth + 1)
    }
    return result
  }

  // The names of fields are few and come again with each line; those from foreign objects are not kept without bound.
  const names = new Map<string, { readonly shown: string; readonly omit: boolean }>()
  const nameOf = (key: string): { readonly shown: string; readonly omit: boolean } => {
    const known = names.get(key)
    if (known) return known
    const name = { shown: text(key), omit: omitted.test(key) }
    if (names.size < namesMax) names.set(key, name)
    return name
  }

  const error = (value: Error): Record<string, unknown> => ({
    name: text(String(value.name)),
    message: text(String(value.message)),
    ...('code' in value && value.code !== undefined ? { code: any(value.code, depthMax) } : {}),
    stack: text(String(value.stack ?? '')),
  })

  const fields = (value: LogFields): LogFields => {
    const result = entries(value, 0)
    for (const name of reserved) {
      if (!(name in result)) continue
      result[`${name}_`] = result[name]
      delete result[name]
    }
    return result
  }

  return { text, fields }
}
