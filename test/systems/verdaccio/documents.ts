import { createHash } from 'node:crypto'
import { request } from 'node:http'
import { Readable } from 'node:stream'

/** The document that a client PUTs to publish a package: its manifest, and the tarball in base64. */
export function publishDocument(name: string, tarball: Buffer): Buffer {
  const version = '1.0.0'
  const file = `${name}-${version}.tgz`
  const dist = {
    shasum: createHash('sha1').update(tarball).digest('hex'),
    tarball: `http://localhost/${name}/-/${file}`,
  }
  return Buffer.from(
    JSON.stringify({
      _id: name,
      name,
      'dist-tags': { latest: version },
      versions: { [version]: { name, version, dist } },
      _attachments: {
        [file]: {
          content_type: 'application/octet-stream',
          data: tarball.toString('base64'),
          length: tarball.length,
        },
      },
    }),
  )
}

export interface PlainAnswer {
  readonly status: number
  readonly body: Buffer
}

/** A request by node:http itself, its body streamed in chunks of 64 KB without a Content-Length. */
export function plainRequest(method: string, url: string, key: string, body?: Buffer): Promise<PlainAnswer> {
  return new Promise((resolve, reject) => {
    const headers = { Authorization: `Bearer ${key}`, ...(body && { 'Content-Type': 'application/json' }) }
    const outgoing = request(url, { method, headers, timeout: 60_000 }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.once('error', reject)
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }))
    })
    outgoing.once('error', reject)
    outgoing.once('timeout', () => outgoing.destroy(new Error('the gateway was silent for a minute')))
    if (body === undefined) return void outgoing.end()
    Readable.from(slices(body)).pipe(outgoing)
  })
}

function* slices(body: Buffer): Generator<Buffer> {
  for (let at = 0; at < body.length; at += 65_536) yield body.subarray(at, at + 65_536)
}
