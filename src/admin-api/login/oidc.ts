import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  ClientSecretBasic,
  ClientSecretPost,
  type Configuration,
  calculatePKCECodeChallenge,
  discovery,
  fetchUserInfo,
  None,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from 'openid-client'
import { z } from 'zod'
import type { Config } from '../../config/schema.ts'
import { isPlainLine } from '../../plain-text.ts'
import { proofSeconds } from './proof.ts'

export type OidcConfig = NonNullable<Config['admin']['oidc']>

/** Who the provider says it is. */
export interface ProvidedIdentity {
  /** Issuer and subject. */
  readonly subject: string
  /** In lower case; undefined where the provider does not vouch for it. */
  readonly email: string | undefined
  readonly name: string | undefined
  /** When the provider last asked who it is, in ms; undefined where it does not say. */
  readonly authenticatedAt: number | undefined
  readonly claims: Readonly<Record<string, unknown>>
}

/** Log-in with an identity provider: code flow with PKCE, state and nonce, which the browser keeps in a cookie meanwhile. */
export interface OidcClient {
  /**
   * @param again asks the provider to ask who it is, also somebody whom it knows.
   * @returns where to send the browser, and what its cookie must hold until it comes back. @throws when the provider does
   * not answer.
   */
  begin(
    settings: OidcConfig,
    redirectUrl: string,
    again: boolean,
  ): Promise<{ readonly url: string; readonly cookie: string }>
  /** Whether it is the answer to what this browser began; tells without asking the provider. */
  isAnswer(returned: URL, cookie: string | undefined): boolean
  /**
   * @param returned the address that the browser came back to.
   * @returns undefined when it is no such answer. @throws when the provider refuses, does not
   * answer, or says something that does not hold.
   */
  finish(settings: OidcConfig, returned: URL, cookie: string | undefined): Promise<ProvidedIdentity | undefined>
}

export function createOidcClient(): OidcClient {
  let known:
    | { readonly key: string; readonly until: number; readonly configuration: Promise<Configuration> }
    | undefined

  /** Asked for anew every ten minutes, and after a failure. Those who ask at the same time share the answer. */
  const discovered = (settings: OidcConfig): Promise<Configuration> => {
    const key = JSON.stringify([settings.issuer, settings.client_id, settings.client_secret])
    if (known?.key === key && known.until > performance.now()) return known.configuration
    const configuration = discover(settings)
    const entry = { key, until: performance.now() + discoveryMs, configuration }
    known = entry
    configuration.catch(() => {
      if (known === entry) known = undefined
    })
    return configuration
  }

  return {
    async begin(settings, redirectUrl, again) {
      const configuration = await discovered(settings)
      const pending = { state: randomState(), nonce: randomNonce(), verifier: randomPKCECodeVerifier() }
      const url = buildAuthorizationUrl(configuration, {
        redirect_uri: redirectUrl,
        scope: settings.scopes.join(' '),
        state: pending.state,
        nonce: pending.nonce,
        code_challenge: await calculatePKCECodeChallenge(pending.verifier),
        code_challenge_method: 'S256',
        ...(again && { prompt: 'login', max_age: String(proofSeconds) }),
      })
      return { url: url.href, cookie: Buffer.from(JSON.stringify(pending)).toString('base64url') }
    },

    isAnswer: (returned, cookie) => answered(returned, cookie) !== undefined,

    async finish(settings, returned, cookie) {
      const pending = answered(returned, cookie)
      if (pending === undefined) return undefined
      const configuration = await discovered(settings)
      const tokens = await authorizationCodeGrant(configuration, returned, {
        expectedState: pending.state,
        expectedNonce: pending.nonce,
        pkceCodeVerifier: pending.verifier,
        idTokenExpected: true,
      })
      const idToken = tokens.claims()
      if (idToken === undefined) return undefined
      const claims: Record<string, unknown> = { ...idToken }
      if (configuration.serverMetadata().userinfo_endpoint !== undefined) {
        // Many providers keep all but the subject out of the ID token. What is in it, signed, goes first.
        const info = await fetchUserInfo(configuration, tokens.access_token, idToken.sub)
        for (const [name, value] of Object.entries(info)) if (!Object.hasOwn(claims, name)) claims[name] = value
      }
      return { ...identityOf(idToken.iss, idToken.sub, claims), authenticatedAt: timeOf(idToken.auth_time) }
    },
  }
}

async function discover({ issuer, client_id, client_secret: secret }: OidcConfig): Promise<Configuration> {
  const server = new URL(issuer)
  return discovery(
    server,
    client_id,
    secret === undefined ? {} : { client_secret: secret },
    secret === undefined ? None() : bySecret(secret),
    // The configuration allows plain http on loopback alone.
    { timeout: timeoutSeconds, ...(server.protocol === 'http:' && { execute: [allowInsecureRequests] }) },
  )
}

/** The way that the provider names; Basic, which each must have, where it names none. */
function bySecret(secret: string): ReturnType<typeof ClientSecretBasic> {
  const [basic, post] = [ClientSecretBasic(secret), ClientSecretPost(secret)]
  return (server, client, body, headers) => {
    const methods = server.token_endpoint_auth_methods_supported
    const way = methods === undefined || methods.includes('client_secret_basic') ? basic : post
    way(server, client, body, headers)
  }
}

/** Of the signed token alone, not of what the userinfo endpoint adds. */
const timeOf = (authTime: unknown): number | undefined => (typeof authTime === 'number' ? authTime * 1000 : undefined)

function identityOf(
  issuer: string,
  subject: string,
  claims: Readonly<Record<string, unknown>>,
): Omit<ProvidedIdentity, 'authenticatedAt'> {
  const { email, email_verified: verified, name } = claims
  const vouched =
    (verified === true || verified === 'true') && typeof email === 'string' && z.email().safeParse(email).success
  return {
    subject: JSON.stringify([issuer, subject]),
    email: vouched ? email.toLowerCase() : undefined,
    name: nameOf(name),
    claims,
  }
}

/** One that is no name for us is left out. */
function nameOf(claim: unknown): string | undefined {
  const name = typeof claim === 'string' ? claim.trim() : ''
  return name === '' || !isPlainLine(name) ? undefined : name.slice(0, 200).toWellFormed()
}

const pendingForm = z.strictObject({
  state: z.string().min(1).max(256),
  nonce: z.string().min(1).max(256),
  verifier: z.string().min(43).max(128),
})

function answered({ searchParams }: URL, cookie: string | undefined): Pending | undefined {
  const pending = readPending(cookie)
  return searchParams.get('state') === pending?.state && searchParams.has('code') ? pending : undefined
}

type Pending = z.output<typeof pendingForm>

function readPending(cookie: string | undefined): Pending | undefined {
  try {
    return pendingForm.parse(JSON.parse(Buffer.from(cookie ?? '', 'base64url').toString()))
  } catch {
    return undefined
  }
}

const discoveryMs = 600_000
const timeoutSeconds = 5
