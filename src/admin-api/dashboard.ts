import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { refuse } from './refusals.ts'

/**
 * The dashboard: a web application that was built into static files and talks to the admin API like any other client.
 * Its files have a hash in their names and may be kept for ever; every other address of it is the same page, which may
 * run and style nothing but those files and what carries the nonce of this one answer.
 * @param folder where `npm run build:admin` has put it; need not be there, and may come while the gateway runs.
 */
export function dashboard(folder: string = builtFolder) {
  return async (app: FastifyInstance): Promise<void> => {
    await app.register(fastifyStatic, { serve: false, root: join(folder, 'assets'), ...files })

    app.get('/assets/:file', (request, reply) => {
      const { file } = request.params as { file: string }
      return isAsset(file) ? reply.sendFile(file) : refuse(reply, 'NOT_FOUND')
    })
    for (const path of pages) {
      app.get(path, async (_request, reply) => {
        answerPage(reply, await readPage(folder))
        return reply
      })
    }
  }
}

/** Every address that the application knows. What is not in here stays a 404 problem. */
const pages = [
  ...['/', '/login', '/setup', '/welcome', '/account', '/organizations', '/operators', '/overview'],
  ...['/policy', '/explain', '/requests', '/events', '/o/*'],
]

/** In `src` as in `dist` two folders below the root of the package. */
const builtFolder = fileURLToPath(new URL('../../dist/admin', import.meta.url))

/** One file of one flat folder: with no separator and no dot in front there is no way out of it. */
const isAsset = (name: string): boolean => /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/.test(name)

const files = {
  // 31536000 s, a year: as long as caches keep anything.
  ...{ maxAge: 31_536_000_000, immutable: true },
  // Where the build has left a .br or .gz beside a file.
  preCompressed: true,
  ...{ index: false as const, dotfiles: 'ignore' as const },
}

/** @returns undefined where there is none: the gateway runs without it. */
async function readPage(folder: string): Promise<string | undefined> {
  try {
    // Each time: a newer build is there with the next page, and a page is small.
    return await readFile(join(folder, 'index.html'), 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

function answerPage(reply: FastifyReply, page: string | undefined): void {
  const nonce = randomBytes(16).toString('base64')
  reply.header('Content-Security-Policy', policyWith(nonce)).type('text/html; charset=utf-8')
  if (page === undefined) reply.code(503).send(notBuilt)
  else reply.send(page.replaceAll('__CSP_NONCE__', nonce))
}

/** The nonce is for styles that scripts of ours put into the page; a script must be one of the files. */
const policyWith = (nonce: string): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "connect-src 'self'",
    "font-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ')

const notBuilt = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Sallyport</title></head>
<body>
<h1>The dashboard is not built</h1>
<p>The gateway runs without it. To have it here, run this where its sources are, then load this page again:</p>
<pre>npm run build:admin</pre>
<p>Everything in it can also be done with the admin API: see <a href="/docs">/docs</a>.</p>
</body>
</html>
`
