import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  root: join(import.meta.dirname, '..'),
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/databases.ts', 'test/clients/generate.ts', 'test/support/console.ts'],
    reporters: ['default', './test/support/reporter.ts'],
    // Tests run as production does: Node strips the types, and there is one copy of graphql.
    experimental: { viteModuleRunner: false },
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
