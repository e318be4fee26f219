import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

/** `npm run dev:admin` serves the sources, and takes everything else from a gateway on its usual admin address. */
const gateway = process.env.SALLYPORT_ADMIN_URL ?? 'http://127.0.0.1:9090'

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  plugins: [react()],
  // The server puts a fresh nonce here with each answer: src/admin-api/dashboard.ts.
  html: { cspNonce: '__CSP_NONCE__' },
  build: {
    outDir: fileURLToPath(new URL('../dist/admin', import.meta.url)),
    emptyOutDir: true,
    target: 'es2022',
    // Everything is a file of its own: the policy allows no data: addresses for scripts and styles.
    assetsInlineLimit: 0,
    sourcemap: false,
  },
  server: { proxy: { '/platform': gateway, '/openapi.json': gateway, '/docs': gateway } },
})
