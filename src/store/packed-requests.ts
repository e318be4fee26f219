import { deserialize, serialize } from 'node:v8'
import type { PackedRequests, RequestRow } from './store.ts'

/**
 * Rows of the request log in one piece of memory, to be handed from process to process and thread to thread, and read only
 * where they are written. Most of their texts are the same again and again, and are in it once: a quarter of what rows cost
 * as objects. For one version of this program alone: never for a file.
 */
export function packRequests(rows: readonly RequestRow[]): PackedRequests {
  const numbers = new Float64Array(rows.length * numbersOfRow)
  const texts = new Uint32Array(rows.length * textsOfRow)
  const own: string[] = []
  const table: (string | null)[] = []
  const known = new Map<string | null, number>()
  const indexOf = (text: string | null): number => {
    let index = known.get(text)
    if (index === undefined) {
      index = table.push(text) - 1
      known.set(text, index)
    }
    return index
  }
  let number = 0
  let text = 0
  for (const row of rows) {
    own.push(row.id, row.requestId)
    numbers[number++] = row.at
    numbers[number++] = row.status
    numbers[number++] = row.durationMs
    numbers[number++] = row.upstreamMs ?? Number.NaN
    numbers[number++] = row.bytesIn
    numbers[number++] = row.bytesOut
    texts[text++] = indexOf(row.organizationId)
    texts[text++] = indexOf(row.keyId)
    texts[text++] = indexOf(row.method)
    texts[text++] = indexOf(row.path)
    texts[text++] = indexOf(row.route)
    texts[text++] = indexOf(row.code)
    texts[text++] = indexOf(row.ip)
    texts[text++] = indexOf(row.userAgent)
    texts[text++] = indexOf(row.shadowCode)
  }
  const packed: Packed = { numbers, texts, own, table }
  return serialize(packed)
}

/** @throws on what `packRequests` has not made. */
export function unpackRequests(bytes: PackedRequests): RequestRow[] {
  const { numbers, texts, own, table }: Packed = deserialize(bytes)
  const rows: RequestRow[] = []
  let number = 0
  let text = 0
  const nextNumber = (): number => numbers[number++] as number
  const nextText = (): string | null => table[texts[text++] as number] as string | null
  for (let index = 0; index < own.length; index += 2) {
    const at = nextNumber()
    const status = nextNumber()
    const durationMs = nextNumber()
    const upstreamMs = nextNumber()
    rows.push({
      id: own[index] as string,
      at,
      organizationId: nextText(),
      keyId: nextText(),
      method: nextText() as string,
      path: nextText() as string,
      route: nextText(),
      status,
      code: nextText(),
      durationMs,
      upstreamMs: Number.isNaN(upstreamMs) ? null : upstreamMs,
      bytesIn: nextNumber(),
      bytesOut: nextNumber(),
      ip: nextText() as string,
      userAgent: nextText(),
      requestId: own[index + 1] as string,
      shadowCode: nextText(),
    })
  }
  return rows
}

interface Packed {
  /** Six of each row; `NaN` for none. */
  readonly numbers: Float64Array
  /** Nine of each row: where in `table` they are. */
  readonly texts: Uint32Array
  /** Two of each row that no other has: its id and the request's. */
  readonly own: readonly string[]
  readonly table: readonly (string | null)[]
}

const numbersOfRow = 6
const textsOfRow = 9
