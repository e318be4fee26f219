import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

const common = { testTimeout: 20_000, hookTimeout: 30_000, pool: 'forks' } as const

/** Several gateways at a time, and promises about milliseconds: beside another such test each would be the other's load. */
const crowded = ['test/nodes/**/*.test.ts', 'test/faults/proxy.test.ts', 'test/contract/sqlite.test.ts']

export default defineConfig({
  test: {
    globalSetup: ['test/helpers/services.ts'],
    coverage: { provider: 'v8', include: ['src/**'] },
    projects: [
      {
        test: {
          ...common,
          name: 'side by side',
          include: ['test/**/*.test.ts'],
          // Those of the dashboard need a Chromium, and have a configuration of their own.
          exclude: [...crowded, 'test/browser/**'],
          // Most tests wait for processes and sockets: two at a time are nearly twice as fast, also on two cores.
          maxWorkers: Math.max(2, availableParallelism() - 1),
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...common,
          name: 'alone',
          include: crowded,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
