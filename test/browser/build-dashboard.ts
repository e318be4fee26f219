import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** Before all: the tests are about the sources of now. Where they do not build, there is nothing to test. */
export default async function buildDashboard(): Promise<void> {
  const script = fileURLToPath(new URL('../../admin/build-when-needed.ts', import.meta.url))
  const build = spawn(process.execPath, [script, '--must'], { stdio: 'inherit' })
  const [code] = await once(build, 'exit')
  if (code !== 0) throw new Error('the dashboard could not be built: "npm run build:admin" tells more')
}
