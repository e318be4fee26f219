import { createServer } from 'node:http'
import { upstreamBody } from './upstream-body.ts'

/** Stands in for nginx where there is none. Argument: the port. */
const body = Buffer.from(upstreamBody)

const server = createServer({ keepAliveTimeout: 3_600_000 }, (request, response) => {
  request.resume()
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length })
  response.end(body)
})
server.listen(Number(process.argv[2]), '127.0.0.1')
process.once('disconnect', () => process.exit(0))
process.once('SIGTERM', () => process.exit(0))
