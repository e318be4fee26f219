import { compileCidrs } from '../config/cidr.ts'
import type { KeyRecord } from '../store/store.ts'

/** The key's own allow-list; an empty one admits every address. */
export function checkAddress(key: KeyRecord, address: string): 'IP_NOT_ALLOWED' | undefined {
  if (key.allowedIps.length === 0) return undefined
  let allows = compiled.get(key)
  if (allows === undefined) {
    allows = compileCidrs(key.allowedIps)
    compiled.set(key, allows)
  }
  return allows(address) ? undefined : 'IP_NOT_ALLOWED'
}

/** Records are replaced, never changed: a compiled list lives as long as its record. */
const compiled = new WeakMap<KeyRecord, (address: string) => boolean>()
