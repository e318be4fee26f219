import { repeatedName } from '../json-text.ts'

/** A value, or what is wrong with the text, to go on from "the body ". */
export type ParsedJson = { readonly value: unknown } | { readonly complaint: string }

/**
 * JSON that can be read in one way alone: UTF-8 without byte order mark, and no name twice in one object, of which one
 * reader would take the first and another the last (RFC 8259 section 4).
 */
export function parseStrictJson(bytes: Uint8Array): ParsedJson {
  let text: string
  let value: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    value = JSON.parse(text)
  } catch {
    return { complaint: 'is not JSON' }
  }
  const twice = repeatedName(text)
  return twice === undefined ? { value } : { complaint: `has ${JSON.stringify(twice.slice(0, 100))} twice` }
}
