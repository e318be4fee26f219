/** A value of RFC 9651, as far as the fields of this product use it: strings, tokens, integers, decimals, booleans. */
export type BareItem =
  | { readonly type: 'string' | 'token'; readonly value: string }
  | { readonly type: 'integer' | 'decimal'; readonly value: number }
  | { readonly type: 'boolean'; readonly value: boolean }

export interface Item {
  readonly value: BareItem
  readonly parameters: ReadonlyMap<string, BareItem>
}

/** A list of items (RFC 9651 section 4.2.1). @throws on everything that a strict parser must fail on. */
export function parseList(text: string): Item[] {
  const reader = new Reader(text)
  reader.skip(/ */y)
  const items: Item[] = []
  while (!reader.ended) {
    items.push(parseItem(reader))
    reader.skip(/[ \t]*/y)
    if (reader.ended) return items
    reader.take(/,/y, 'a comma')
    reader.skip(/[ \t]*/y)
    if (reader.ended) throw new Error('a comma at the end')
  }
  return items
}

function parseItem(reader: Reader): Item {
  const value = parseBareItem(reader)
  const parameters = new Map<string, BareItem>()
  while (reader.accept(/;/y)) {
    reader.skip(/ */y)
    const key = reader.take(/[a-z*][a-z0-9_.*-]*/y, 'a key')
    parameters.set(key, reader.accept(/=/y) ? parseBareItem(reader) : { type: 'boolean', value: true })
  }
  return { value, parameters }
}

function parseBareItem(reader: Reader): BareItem {
  const string = reader.accept(/"(?:[ !#-[\]-~]|\\["\\])*"/y)
  if (string !== undefined) return { type: 'string', value: string.slice(1, -1).replace(/\\(.)/g, '$1') }
  const decimal = reader.accept(/-?\d{1,12}\.\d{1,3}(?![\d.])/y)
  if (decimal !== undefined) return { type: 'decimal', value: Number(decimal) }
  const integer = reader.accept(/-?\d{1,15}(?![\d.])/y)
  if (integer !== undefined) return { type: 'integer', value: Number(integer) }
  const boolean = reader.accept(/\?[01]/y)
  if (boolean !== undefined) return { type: 'boolean', value: boolean === '?1' }
  return { type: 'token', value: reader.take(/[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*/y, 'an item') }
}

class Reader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  get ended(): boolean {
    return this.#at >= this.#text.length
  }

  accept(sticky: RegExp): string | undefined {
    sticky.lastIndex = this.#at
    const found = sticky.exec(this.#text)?.[0]
    this.#at += found?.length ?? 0
    return found
  }

  skip(sticky: RegExp): void {
    this.accept(sticky)
  }

  take(sticky: RegExp, what: string): string {
    const found = this.accept(sticky)
    if (found === undefined) throw new Error(`${what} expected at ${this.#at} of ${JSON.stringify(this.#text)}`)
    return found
  }
}
