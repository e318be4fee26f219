import { defineConfig } from 'vitest/config'

/** `npm run test:browser`: the dashboard, in a real Chromium, on a real gateway. */
export default defineConfig({
  test: {
    include: ['test/browser/**/*.test.ts'],
    globalSetup: ['test/browser/build-dashboard.ts'],
    // A browser on a machine that has other work to do: what waits, waits for something to be seen.
    testTimeout: 180_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // Each is a browser and a gateway, which wait for each other half of the time.
    maxWorkers: 2,
  },
})
