import type { Config } from '../config/schema.ts'
import type { Environment } from '../config/variables.ts'
import { createExplain, type Explain } from '../gateway/explain.ts'
import type { Reloads } from '../gateway/reloads.ts'
import type { Limiter } from '../limiter/limiter.ts'
import { createPolicyThread } from './policy-thread.ts'

/** What the policy endpoints work with. */
export interface PolicyContext extends Reloads {
  /** Of the configuration in force; looks at limits and charges none. */
  readonly explain: Explain
  /** The verdict on a text that may take the file's place, as JSON; undefined when too many ask. */
  validate(text: string): Promise<string | undefined>
  /** Of a configuration: the targets of each upstream, in their order. */
  targetsUp(upstreams: Config['upstreams']): ReadonlyMap<string, readonly boolean[]>
  close(): Promise<void>
}

export interface PolicyOptions extends Pick<PolicyContext, 'targetsUp'> {
  readonly reloads: Reloads
  readonly limiter: Limiter
  readonly env: Environment
}

export function createPolicyContext({ reloads, limiter, env, targetsUp }: PolicyOptions): PolicyContext {
  const thread = createPolicyThread()
  let compiled: { readonly config: Config; readonly explain: Explain } | undefined
  return {
    ...reloads,
    targetsUp,
    explain(request) {
      const { config } = reloads.inForce().loaded
      // Once for each configuration: for thousands of routes it is some work.
      if (compiled?.config !== config) compiled = { config, explain: createExplain(config, limiter) }
      return compiled.explain(request)
    },
    validate(text) {
      const { config, file } = reloads.inForce().loaded
      return thread.validate({ text, file, env: variablesIn(text, env), inForce: config })
    },
    close: () => thread.close(),
  }
}

/** Only what the text asks for. The gateway's own secrets are none of its business: it learns that they are set. */
function variablesIn(text: string, env: Environment): Record<string, string> {
  const found = Object.create(null) as Record<string, string>
  for (const [, name = ''] of text.matchAll(/\$\{([A-Za-z_][A-Za-z0-9_]*)/g)) {
    const value = Object.hasOwn(env, name) ? env[name] : undefined
    if (value !== undefined) found[name] = ownSecrets.has(name) ? '[secret]' : value
  }
  return found
}

const ownSecrets: ReadonlySet<string> = new Set([
  ...['SALLYPORT_ADMIN_TOKEN', 'SALLYPORT_MASTER_KEY', 'SALLYPORT_MASTER_KEY_OLD'],
])
