import type { KeyObject } from 'node:crypto'
import { openSigningKey, signingKeyFrom } from './gateway/signed-context.ts'
import type { SecretBox } from './keys/secret-box.ts'

/**
 * The keys that sign contexts, the one in use first: beside the store where that is one node's own; else the same on every
 * node, from the master keys that they share.
 */
export function openSigningKeys(besideStore: string | undefined, box: SecretBox): readonly KeyObject[] {
  if (besideStore !== undefined) return [openSigningKey(`${besideStore}.context.pem`)]
  return box.deriveBytes('signed context').map(signingKeyFrom)
}
