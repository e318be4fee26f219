import '@mantine/core/styles.css'
import '@mantine/notifications/styles.css'
import './styles.css'
import { MantineProvider } from '@mantine/core'
import { Notifications } from '@mantine/notifications'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { ApiError, whenLoggedOut } from './api/client.ts'
import { App } from './app.tsx'
import { PageBoundary } from './components/page-boundary.tsx'
import { LeaveGuard } from './shell/leave-guard.tsx'
import { theme, variables } from './theme.ts'

const client: QueryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      // What was refused is refused again; what was not reached, or too busy, is worth two more tries.
      retry: (failures, error) =>
        failures < 2 && (!(error instanceof ApiError) || error.status === 0 || error.status >= 502),
      refetchOnWindowFocus: true,
    },
  },
})

// The session has ended while the page was open: the log-in comes over it, and the address stays.
whenLoggedOut(() => {
  if (client.getQueryData(['me']) !== null) void client.invalidateQueries({ queryKey: ['me'] })
})

const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? ''
// Where the dialogs' scroll lock looks for it: it puts a style into the page by itself.
Object.assign(globalThis, { __webpack_nonce__: nonce })
const root = document.getElementById('root')
if (root === null) throw new Error('index.html has no #root')

createRoot(root).render(
  <StrictMode>
    <MantineProvider
      theme={theme}
      cssVariablesResolver={variables}
      defaultColorScheme="auto"
      getStyleNonce={() => nonce}
    >
      <Notifications position="bottom-right" />
      <QueryClientProvider client={client}>
        {/* Whatever breaks outside of a page: never a white one. */}
        <PageBoundary at="">
          <LeaveGuard>
            <App />
          </LeaveGuard>
        </PageBoundary>
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
)
