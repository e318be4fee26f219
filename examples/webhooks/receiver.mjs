import { createServer } from 'node:http'
import { Webhook } from 'standardwebhooks'

const webhook = new Webhook(process.env.WEBHOOK_SECRET) // whsec_…
const handled = new Set() // in your product a table, written together with what handle() changes

createServer(async (request, response) => {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  let event
  try {
    // The bytes as they came: the signature is over these, not over JSON that was parsed and written again.
    event = webhook.verify(Buffer.concat(chunks), request.headers)
  } catch {
    return response.writeHead(401).end()
  }
  const id = request.headers['webhook-id']
  if (!handled.has(id)) handle(event)
  handled.add(id)
  response.writeHead(204).end()
}).listen(Number(process.env.PORT ?? 8000), '127.0.0.1', function () {
  console.log(`receiver on http://127.0.0.1:${this.address().port}`)
})

function handle({ type, data }) {
  console.log(type, data.id ?? data.webhook_id)
}
