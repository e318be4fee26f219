import { createSocket } from 'node:dgram'
import { describe, expect, it } from 'vitest'
import { dnsAddresses, machineAddresses } from '../../src/webhooks/connect.ts'

describe('the addresses of a name', () => {
  it('are all that DNS has, of both families', async () => {
    await using server = await startDns({
      1: [Buffer.of(192, 0, 2, 1), Buffer.of(10, 0, 0, 1)],
      28: [Buffer.from('20010db8000000000000000000000001', 'hex')],
    })
    expect(await dnsAddresses([server.address])('hooks.example.com')).toEqual([
      { address: '192.0.2.1', family: 4 },
      { address: '10.0.0.1', family: 4 },
      { address: '2001:db8::1', family: 6 },
    ])
  })

  it('are those of one family where the other has none', async () => {
    await using server = await startDns({ 1: [Buffer.of(192, 0, 2, 1)], 28: [] })
    expect(await dnsAddresses([server.address])('hooks.example.com')).toEqual([{ address: '192.0.2.1', family: 4 }])
  })

  it('are an error where there are none', async () => {
    await using server = await startDns({ 1: [], 28: [] })
    await expect(dnsAddresses([server.address])('hooks.example.com')).rejects.toMatchObject({ code: 'ENODATA' })
  })

  it('are the machine’s own where it knows the name', async () => {
    const addresses = await machineAddresses('localhost')
    expect(addresses.map(({ address }) => address)).toContain('127.0.0.1')
  })
})

/** A DNS server with the same records for every name. @param records by type: 1 is A, 28 AAAA. */
async function startDns(records: Readonly<Record<number, readonly Buffer[]>>) {
  const socket = createSocket('udp4')
  socket.on('message', (query, { port, address }) => {
    const questionEnd = query.indexOf(0, 12) + 5
    const question = query.subarray(12, questionEnd)
    const found = records[question.readUInt16BE(question.length - 4)] ?? []
    const head = Buffer.alloc(12)
    // Id of the query; an answer, recursion available, no error; one question and so many answers.
    query.copy(head, 0, 0, 2)
    head.writeUInt16BE(0x8180, 2)
    head.writeUInt16BE(1, 4)
    head.writeUInt16BE(found.length, 6)
    const answers = found.map((data) => {
      const answer = Buffer.alloc(12)
      answer.writeUInt16BE(0xc00c, 0)
      question.copy(answer, 2, question.length - 4)
      answer.writeUInt32BE(60, 6)
      answer.writeUInt16BE(data.length, 10)
      return Buffer.concat([answer, data])
    })
    socket.send(Buffer.concat([head, question, ...answers]), port, address)
  })
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  return {
    address: `127.0.0.1:${socket.address().port}`,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void socket.close(() => resolve())),
  }
}
