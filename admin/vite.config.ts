import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

/** `npm run dev:admin` serves the sources, and takes everything else from a gateway on its usual admin address. */
const gateway = process.env.SALLYPORT_ADMIN_URL ?? 'http://127.0.0.1:9090'

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  plugins: [react(), compressed()],
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

/** Each file also as .br and .gz: compressed once, here, and not by the gateway for everybody who asks. */
function compressed(): Plugin {
  return {
    name: 'compressed',
    apply: 'build',
    writeBundle({ dir }) {
      const folder = `${dir}/assets/`
      for (const name of readdirSync(folder).filter((name) => /\.(?:js|css|svg)$/.test(name))) {
        const bytes = readFileSync(`${folder}${name}`)
        writeFileSync(`${folder}${name}.br`, brotliCompressSync(bytes))
        writeFileSync(`${folder}${name}.gz`, gzipSync(bytes))
      }
    },
  }
}
