import { systemClock } from '../clock.ts'
import type { Config } from '../config/schema.ts'
import { openSecretBox } from '../keys/master-key.ts'
import type { SecretBox } from '../keys/secret-box.ts'
import { openStore, storeFile } from '../open-store.ts'
import type { Actor, Store } from '../store/store.ts'
import { loadOrFail } from './load.ts'

/** Whom the audit trail names for what is done on the command line. */
export const cliActor: Actor = { type: 'cli', id: null }

/**
 * Opens the store that a configuration names, next to a gateway that may be running on it, and closes it afterwards.
 * @throws Failure when the file has problems, StoreUnavailable when the store can't be opened.
 */
export async function withStore<T>(configFile: string, use: (store: Store, config: Config) => Promise<T>): Promise<T> {
  const { config } = await loadOrFail(configFile)
  const store = await openStore(config, systemClock)
  try {
    return await use(store, config)
  } finally {
    await store.close()
  }
}

/**
 * The box for secrets at rest, with the master key that a gateway on this store uses: run the command with the same
 * environment.
 * @throws MasterKeyProblem
 */
export async function openBox(config: Config, store: Pick<Store, 'masterKeysInUse'>): Promise<SecretBox> {
  const file = storeFile(config)
  const inUse = await store.masterKeysInUse()
  return openSecretBox({ env: process.env, ...(file !== undefined && { file: `${file}.key` }), inUse }).box
}
