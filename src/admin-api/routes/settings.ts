import { z } from 'zod'
import { version } from '../../version.ts'
import type { ResourceRoutes } from '../context.ts'
import { dataUrl } from '../data-url.ts'
import { scopeRecords, scopeShape } from '../policy-record.ts'
import { refusals } from '../schemas.ts'

const settings = z
  .object({
    version: z.string().describe('Of the gateway.'),
    scopes: z.array(scopeShape).describe('Those that are declared, in their order.'),
    environments: z.array(z.string()).describe('The first is the default; empty: keys have none.'),
    default_scopes: z
      .array(z.string())
      .describe('What a key gets when its creator names none; empty: some must be named.'),
    key_prefix: z.string().describe('What every new key starts with.'),
    reveal: z.boolean().describe('Whether keys that are made now can be shown again.'),
    self_service: z
      .object({ path: z.string() })
      .nullable()
      .describe('Where keys with keys:manage manage keys on the data plane; null: nowhere.'),
    me_path: z.string().describe('Where a key asks on the data plane who it is.'),
    data_url: z
      .string()
      .nullable()
      .describe('The data plane as its listener is bound; a proxy in front has another. Null before it listens.'),
  })
  .meta({ id: 'Settings' })

/**
 * What a page has to know of the configuration to offer what there is. Every member reads it, so nothing is in it that
 * does not show in a key or at its use: no routes, no limits, no upstreams.
 */
export const settingsRoutes: ResourceRoutes = (app, context) => {
  app.get(
    '/settings',
    { schema: { operationId: 'getSettings', tags: ['me'], response: { ...refusals, 200: settings } } },
    ({ headers }) => {
      const { keys, me, self_service: selfService } = context.config()
      const address = context.dataAddress()
      return {
        version,
        scopes: scopeRecords(context.policy.inForce().loaded),
        environments: keys.environments,
        default_scopes: keys.default_scopes,
        key_prefix: keys.prefix,
        reveal: keys.reveal,
        self_service: selfService === false ? null : { path: selfService.path },
        me_path: me.path,
        data_url: address ? dataUrl(address, headers.host) : null,
      }
    },
  )
}
