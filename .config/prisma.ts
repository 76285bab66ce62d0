import { defineConfig } from 'prisma/config'

// `prisma generate` insists on a schema engine that it never runs; pointing it at Node keeps the install offline.
if (process.argv.includes('generate')) process.env['PRISMA_SCHEMA_ENGINE_BINARY'] ??= process.execPath

export default defineConfig({
  schema: '../prisma/schema.prisma',
  migrations: { path: '../prisma/migrations' },
  datasource: { url: process.env['DATABASE_URL'] ?? '' },
})
