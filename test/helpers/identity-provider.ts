import { createServer, type Server } from 'node:http'
import Provider, { type Configuration } from 'oidc-provider'
import { openBrowser } from './browser.ts'

export interface Person {
  readonly sub: string
  readonly email: string
  readonly email_verified?: boolean | string
  readonly name?: string
  readonly [claim: string]: unknown
}

export interface IdentityProvider extends AsyncDisposable {
  readonly issuer: string
  /** Who is at the keyboard: the provider asks nothing. */
  person: Person
  /** Answers 503 to everything from here on. */
  broken: boolean
  /** Follows the provider from where a gateway sent the browser. @returns the address it sends the browser back to. */
  consent(authorizationUrl: string): Promise<URL>
}

/** A real provider (oidc-provider) on loopback whose log-in page lets `person` in at once. */
export async function startIdentityProvider(options: {
  readonly redirectUrl: string
  readonly clientSecret?: string
  /** Puts the claims of scopes into the ID token, instead of the userinfo endpoint alone. */
  readonly claimsInIdToken?: boolean
  readonly authMethod?: 'client_secret_basic' | 'client_secret_post'
}): Promise<IdentityProvider> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no address')
  const issuer = `http://127.0.0.1:${address.port}`
  const state = { person: { sub: 'nobody', email: 'nobody@example.com' } as Person, broken: false }
  const provider = new Provider(
    issuer,
    settings(options, () => state.person),
  )
  const handle = provider.callback()

  server.on('request', (request, response) => {
    if (state.broken) {
      response.writeHead(503).end()
      return
    }
    if (request.url?.startsWith('/interaction/')) {
      void provider
        .interactionDetails(request, response)
        .then(async ({ prompt, params, session }) => {
          const grant = new provider.Grant({
            accountId: session?.accountId ?? state.person.sub,
            clientId: String(params.client_id),
          })
          grant.addOIDCScope(String(params.scope))
          const result =
            prompt.name === 'login'
              ? { login: { accountId: state.person.sub } }
              : { consent: { grantId: await grant.save() } }
          await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true })
        })
        .catch((error: unknown) => response.writeHead(500).end(String(error)))
      return
    }
    void handle(request, response)
  })

  return {
    issuer,
    get person() {
      return state.person
    },
    set person(person) {
      state.person = person
    },
    get broken() {
      return state.broken
    },
    set broken(broken) {
      state.broken = broken
    },
    consent: (authorizationUrl) => follow(issuer, authorizationUrl),
    [Symbol.asyncDispose]: () => close(server),
  }
}

/** A browser of its own: nobody is logged in at the provider yet. */
async function follow(issuer: string, start: string): Promise<URL> {
  const browser = openBrowser(issuer)
  let url = new URL(start)
  for (let hops = 0; hops < 10; hops++) {
    const { status, headers, body } = await browser.send('GET', url.pathname + url.search)
    if (headers.location === undefined) throw new Error(`the provider answered ${status}: ${JSON.stringify(body)}`)
    url = new URL(headers.location, url)
    if (url.origin !== issuer) return url
  }
  throw new Error('the provider sends the browser in circles')
}

function settings(
  {
    redirectUrl,
    clientSecret = 'the secret of the client',
    claimsInIdToken = false,
    authMethod = 'client_secret_basic',
  }: Parameters<typeof startIdentityProvider>[0],
  person: () => Person,
): Configuration {
  return {
    clients: [
      {
        client_id: 'sallyport',
        client_secret: clientSecret,
        redirect_uris: [redirectUrl],
        token_endpoint_auth_method: authMethod,
      },
    ],
    clientAuthMethods: [authMethod],
    conformIdTokenClaims: !claimsInIdToken,
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'groups', 'realm_access'] },
    findAccount: (_context, sub) => ({ accountId: sub, claims: () => ({ ...person(), sub }) }),
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
    pkce: { required: () => true },
    cookies: { keys: ['a key for the test'] },
  }
}

const close = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
