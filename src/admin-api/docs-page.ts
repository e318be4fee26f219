import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import { refuse } from './refusals.ts'

/**
 * `/docs`: the reference of this API as a page to try it in. Everything comes from this server; the policy lets the page
 * load nothing from elsewhere and run nothing that stands in the page itself.
 */
export const docsPage = async (app: FastifyInstance): Promise<void> => {
  // What looks for the file throws for paths that lead out of its folder, and for names that no file can have.
  app.addHook('onRequest', (request, reply, done) => {
    const { '*': file } = request.params as { readonly '*'?: string }
    if (file === undefined || isFileName(file)) done()
    else refuse(reply, 'NOT_FOUND')
  })
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    theme: { title: 'Sallyport admin API' },
    // The plugin's own one is that of another project.
    logo: { type: 'image/svg+xml', content: Buffer.from(logo) },
    uiConfig: { docExpansion: 'none', displayRequestDuration: true, tagsSorter: 'alpha', persistAuthorization: false },
    staticCSP: {
      'default-src': "'none'",
      'script-src': "'self'",
      'style-src': `'self' '${styleOfStockLogo}'`,
      // Icons of the page are data: addresses in its style sheet.
      'img-src': "'self' data:",
      'connect-src': "'self'",
      'font-src': "'self'",
      'base-uri': "'none'",
      'form-action': "'none'",
      'frame-ancestors': "'none'",
    },
  })
}

/** One file of one flat folder: with no separator and no dot in front there is no way out of it. */
const isFileName = (name: string): boolean => /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$/.test(name)

/** Swagger UI draws its own logo for an instant, with a style inside, before ours takes its place. This one text alone. */
const styleOfStockLogo = 'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='

const logo =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 160 40"><text x="0" y="28" font-family="sans-serif" font-size="24" font-weight="600" fill="#fff">Sallyport</text></svg>'
