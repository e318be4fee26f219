import type { Command } from 'commander'
import { revealKey } from '../keys/reveal.ts'
import { Failure } from './failure.ts'
import { findKeyOwner, noSuchKey } from './find.ts'
import { cliActor, openBox, withStore } from './open-store.ts'
import { addStoreOptions, type StoreOptions } from './options.ts'
import { print, printJson } from './output.ts'

/** `sallyport keys reveal` */
export function addKeysReveal(keys: Command): void {
  addStoreOptions(keys.command('reveal <key_id>'))
    .description('show a key again, where keys.reveal was on when it was made; kept in the audit trail')
    .option('--org <org>', 'fail unless the key belongs to this organization')
    .addHelpText(
      'after',
      '\nExample:\n  $ sallyport keys reveal key_01j…\n\nNeeds the master key of the gateway: SALLYPORT_MASTER_KEY, or the file next to the store.',
    )
    .action(reveal)
}

async function reveal(keyId: string, { config: file, json, org }: StoreOptions & { org?: string }): Promise<void> {
  await withStore(file, async (store, config) => {
    const organizationId = await findKeyOwner(store, keyId, org)
    if ((await store.findKey(organizationId, keyId)) === undefined) throw new Failure(noSuchKey(keyId))
    if (!config.keys.reveal) throw new Failure('keys.reveal is off: no key can be shown again. Rotate it instead')
    const box = await openBox(config, store)
    const revealed = await revealKey(organizationId, keyId, { store, box, actor: cliActor })
    if (!revealed.ok) {
      const why = revealed.reason === 'sealed' ? revealed.error.message : whyNot[revealed.reason]
      throw new Failure(`key ${keyId} can't be shown: ${why}`)
    }
    if (json) printJson({ raw_key: revealed.secret.reveal() })
    else print(revealed.secret.reveal())
  })
}

const whyNot = {
  not_active: 'it is revoked or expired',
  not_kept: 'it was made while keys.reveal was off and is kept as a hash alone. Rotate it to get a new secret',
}
