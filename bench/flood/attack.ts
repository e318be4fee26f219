import { connect, type Socket } from 'node:net'
import { compileKeyFormats } from '../../src/keys/format.ts'

export const attackNames = ['heads', 'bodies', 'reads', 'unread', 'keys-of-one', 'keys', 'paths'] as const
export type Attack = (typeof attackNames)[number]

interface Settings {
  readonly attack: Attack
  readonly port: number
  /** A good one, for what needs one. */
  readonly key: string
  readonly sockets: number
  /** How many wrong ones are tried. */
  readonly keys: number
}

/** One attacker. It never gives up: a connection that is closed is opened again. */
function run({ attack, port, key, sockets, keys }: Settings): void {
  const statuses = new Map<string, number>()
  let opened = 0
  let tried = 0
  const formats = compileKeyFormats({ prefix: 'sk', environments: ['live', 'test'], accept: [] } as never)
  const wrongKey = (): string => formats.generate('live').secret.reveal()

  const open = (begin: (socket: Socket) => void, localAddress: string, again: () => void): Socket => {
    opened++
    const socket = connect({ host: '127.0.0.1', port, localAddress, noDelay: true })
    socket.on('connect', () => begin(socket))
    socket.on('error', () => {})
    socket.on('close', again)
    return socket
  }
  const count = (chunk: Buffer): number => {
    const found = chunk.toString('latin1').match(/HTTP\/1\.1 \d{3}/g) ?? []
    for (const line of found) statuses.set(line.slice(9), (statuses.get(line.slice(9)) ?? 0) + 1)
    return found.length
  }

  /** So many sockets at all times, opened a few at a time; each is sent `first`, then `next` ever so often. */
  const hold = (first: string, next: string, everyMs: number, reads: boolean): void => {
    const held = new Set<Socket>()
    setInterval(() => {
      for (let more = 0; more < 100 && held.size < sockets; more++) {
        const socket = open(
          (ready) => void ready.write(first, 'latin1'),
          '127.0.1.1',
          () => held.delete(socket),
        )
        if (reads) socket.on('data', count)
        else socket.pause()
        held.add(socket)
      }
    }, 50)
    if (next === '') return
    setInterval(() => {
      for (const socket of held) if (socket.writable) socket.write(next)
    }, everyMs)
  }

  /** Requests in batches of eight, on 64 connections. */
  const hammer = (request: () => string, address: () => string, perConnection: number): void => {
    const begin = (): void => {
      let waiting = 0
      let sent = 0
      const more = (socket: Socket): void => {
        if (tried >= keys) return finish()
        if (sent >= perConnection) return void socket.destroy()
        let batch = ''
        for (waiting = 0; waiting < 8; waiting++, sent++, tried++) batch += request()
        socket.write(batch, 'latin1')
      }
      const socket = open(more, address(), () => void setTimeout(begin, 5))
      socket.on('data', (chunk: Buffer) => {
        waiting -= count(chunk)
        if (waiting <= 0) more(socket)
      })
    }
    for (let index = 0; index < 64; index++) begin()
  }

  const head = (line: string, ...fields: string[]): string => `${[line, 'Host: x', ...fields].join('\r\n')}\r\n`
  const finish = (): void => {
    const text = [...statuses].map(([status, times]) => `${times} × ${status}`).join(', ')
    process.send?.(`${opened} connections opened; answers: ${text || 'none'}`, () => process.exit(0))
  }
  const somebody = (): string => `127.${1 + byte()}.${byte()}.${1 + (byte() % 250)}`
  const byte = (): number => Math.trunc(Math.random() * 250)

  if (attack === 'heads') hold('GET /things/1 HTTP/1.1\r\nX-A: ', 'a', 1000, true)
  if (attack === 'bodies')
    hold(
      `${head('POST /things/1 HTTP/1.1', `Authorization: Bearer ${key}`, 'Content-Length: 1000000')}\r\nx`,
      'x',
      5000,
      true,
    )
  if (attack === 'reads') hold(`${head('GET /big HTTP/1.1', `Authorization: Bearer ${key}`)}\r\n`, '', 0, false)
  if (attack === 'unread')
    hold(`${head('GET /x HTTP/1.1')}\r\n`.repeat(2000), `${head('GET /x HTTP/1.1')}\r\n`.repeat(500), 1000, false)
  const tryKey = (): string => `${head('GET /things/1 HTTP/1.1', `Authorization: Bearer ${wrongKey()}`)}\r\n`
  if (attack === 'keys-of-one') hammer(tryKey, () => '127.0.1.1', 1_000_000)
  if (attack === 'keys') hammer(tryKey, somebody, 48)
  if (attack === 'paths') {
    hammer(
      () => `${head(`GET /things/${Math.random()}/${tried} HTTP/1.1`, `Authorization: Bearer ${key}`)}\r\n`,
      () => '127.0.1.1',
      1_000_000,
    )
  }
  process.on('message', finish)
  process.on('disconnect', () => process.exit(0))
  process.send?.('ready')
}

if (process.argv[2]?.startsWith('{')) run(JSON.parse(process.argv[2]))
