import { serve } from '../serve.ts'

/** An API with data of the account and data of its workspaces. Which of them a key may see, it need not know. */

serve('account API', {
  'GET /v1/account': ({ organization }) => ({ status: 200, body: { id: organization } }),
  'GET /v1/workspaces/:id/documents': ({ headers }) => ({
    status: 200,
    body: { workspace: headers['x-workspace-id'], documents: [] },
  }),
  'POST /v1/workspaces/:id/documents': ({ headers }) => ({
    status: 201,
    body: { workspace: headers['x-workspace-id'], id: 'doc_1' },
  }),
})
