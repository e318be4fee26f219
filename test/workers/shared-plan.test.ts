import { expect, it } from 'vitest'
import { type Config, configSchema } from '../../src/config/schema.ts'
import { planSharing } from '../../src/workers/shared-plan.ts'

const parse = (file: unknown): Config => configSchema.parse(file)
const certificates = { listener: undefined, authorities: new Map() }
const share = (first: Config) => {
  const plans = planSharing({ first, size: 2, signingKeys: () => ['pem'] })
  return (config: Config) => plans(config, certificates)
}

it('a worker that starts after a reload keeps what a reload does not change, and has what it does', () => {
  const first = parse({ store: 'sqlite:a.db', timeouts: { head: '3s' }, keys: { cache: { max: 10 } } })
  const { config, version } = share(first)(
    parse({
      ...{ store: 'sqlite:b.db', redis: 'redis://other:6379/0', tls: { cert: 'cert.pem', key: 'key.pem' } },
      ...{ audit: { durability: 'strict' }, log: { level: 'error' }, denials: { requests: 5 } },
      ...{ timeouts: { head: '9s', drain_timeout: '1s' }, keys: { cache: { max: 20 }, prefix: 'pk' } },
    }),
  )
  expect(version).toBe(1)
  const { store, redis, tls, audit, log } = first
  expect(config).toMatchObject({ store, redis, audit, log })
  expect(config.tls).toBe(tls)
  expect(config.timeouts).toMatchObject({ head: 3000, drain_timeout: 1000 })
  expect(config.keys).toMatchObject({ cache: { max: 10 }, prefix: 'pk' })
  expect(config.denials.requests).toBe(5)
})

it('tells a worker no secret of the admin plane, and the keys of signed contexts only where contexts are signed', () => {
  const oidc = { issuer: 'https://id.example.com', client_id: 'sallyport', client_secret: 'for the primary alone' }
  const first = parse({ admin: { oidc } })
  const plans = share(first)
  const plain = plans(first)
  expect(JSON.stringify(plain)).not.toContain('for the primary alone')
  expect(plain.signingKeys).toEqual([])
  const signed = plans(parse({ context: { sign: true } }))
  expect(signed.signingKeys).toEqual(['pem'])
  expect(signed.version).toBeGreaterThan(plain.version)
})
