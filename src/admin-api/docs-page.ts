import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'

/**
 * `/docs`: the reference of this API as a page to try it in. Everything comes from this server; the policy lets the page
 * load nothing from elsewhere and run nothing that stands in the page itself.
 */
export const docsPage = async (app: FastifyInstance): Promise<void> => {
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

/** Swagger UI draws its own logo for an instant, with a style inside, before ours takes its place. This one text alone. */
const styleOfStockLogo = 'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='

const logo =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 160 40"><text x="0" y="28" font-family="sans-serif" font-size="24" font-weight="600" fill="#fff">Sallyport</text></svg>'
