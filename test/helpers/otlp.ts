import type { ReceivedSpan } from './collector.ts'

type Value = string | number

interface JsonAttribute {
  readonly key: string
  readonly value: { readonly stringValue?: string; readonly intValue?: number | string; readonly doubleValue?: number }
}

/** Reads an ExportTraceServiceRequest in the JSON form of OTLP. */
export function readOtlpJson(body: Buffer): ReceivedSpan[] {
  const spans: ReceivedSpan[] = []
  for (const { resource, scopeSpans } of JSON.parse(body.toString()).resourceSpans) {
    for (const scope of scopeSpans) {
      for (const span of scope.spans) {
        spans.push({
          traceId: span.traceId,
          spanId: span.spanId,
          parentSpanId: span.parentSpanId ?? '',
          name: span.name,
          kind: span.kind,
          status: span.status?.code ?? 0,
          startNs: BigInt(span.startTimeUnixNano),
          endNs: BigInt(span.endTimeUnixNano),
          attributes: fromJson(span.attributes),
          resource: fromJson(resource.attributes),
        })
      }
    }
  }
  return spans
}

const fromJson = (list: readonly JsonAttribute[]): Record<string, Value> =>
  Object.fromEntries(
    list.map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue ?? value.doubleValue)]),
  )

/** The same in protobuf: opentelemetry/proto/collector/trace/v1, read by the numbers of its fields. */
export function readOtlpProtobuf(body: Buffer): ReceivedSpan[] {
  return each(body, 1).flatMap((resourceSpans) => {
    const resource = attributes(each(bytes(resourceSpans, 1), 1))
    return each(resourceSpans, 2).flatMap((scopeSpans) => each(scopeSpans, 2).map((span) => readSpan(span, resource)))
  })
}

const readSpan = (span: Buffer, resource: Record<string, Value>): ReceivedSpan => ({
  traceId: bytes(span, 1).toString('hex'),
  spanId: bytes(span, 2).toString('hex'),
  parentSpanId: bytes(span, 4).toString('hex'),
  name: bytes(span, 5).toString(),
  kind: Number(number(span, 6)),
  startNs: number(span, 7),
  endNs: number(span, 8),
  attributes: attributes(each(span, 9)),
  status: Number(number(bytes(span, 15), 3)),
  resource,
})

const attributes = (list: readonly Buffer[]): Record<string, Value> =>
  Object.fromEntries(
    list.map((pair) => {
      const value = bytes(pair, 2)
      const text = each(value, 1)[0]
      return [bytes(pair, 1).toString(), text === undefined ? Number(number(value, 3)) : text.toString()]
    }),
  )

type Field = readonly [number: number, value: bigint | Buffer]

const each = (message: Buffer, field: number): Buffer[] =>
  fields(message).flatMap(([at, value]) => (at === field && typeof value !== 'bigint' ? [value] : []))

const bytes = (message: Buffer, field: number): Buffer => each(message, field)[0] ?? Buffer.alloc(0)

const number = (message: Buffer, field: number): bigint =>
  fields(message).reduce((found, [at, value]) => (at === field && typeof value === 'bigint' ? value : found), 0n)

/** @throws on what is no protobuf. */
function fields(message: Buffer): Field[] {
  const found: Field[] = []
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = message.readUInt8(at++)
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return value
    }
  }
  while (at < message.length) {
    const tag = Number(varint())
    const field = tag >>> 3
    const start = at
    switch (tag & 7) {
      case 0:
        found.push([field, varint()])
        break
      case 1:
        found.push([field, message.readBigUInt64LE(start)])
        at = start + 8
        break
      case 2: {
        const length = Number(varint())
        found.push([field, message.subarray(at, at + length)])
        at += length
        break
      }
      case 5:
        found.push([field, BigInt(message.readUInt32LE(start))])
        at = start + 4
        break
      default:
        throw new Error(`field ${field} has a type that OTLP does not use`)
    }
  }
  return found
}
