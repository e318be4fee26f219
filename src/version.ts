import { readFileSync } from 'node:fs'

/** The version of this program, as in package.json: one folder above this file, in src/ and in dist/ alike. */
export const version: string = readVersion(new URL('../package.json', import.meta.url))

function readVersion(file: URL): string {
  const manifest: unknown = JSON.parse(readFileSync(file, 'utf8'))
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest) return String(manifest.version)
  throw new Error('package.json names no version')
}
