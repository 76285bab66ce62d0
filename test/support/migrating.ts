import { openEmbedded } from '../../src/data/database/embedded.ts'
import { migrate, migratePostgres } from '../../src/data/migrations/migrate.ts'
import { readMigrations } from '../../src/data/migrations/files.ts'

// A process that a test kills: node test/support/migrating.ts URL-or-folder folder-of-migrations
const [where = '', folder = ''] = process.argv.slice(2)
const migrations = await readMigrations(folder)
const log = (level: string, line: string) => console.log(`${level} ${line}`)
if (where.startsWith('postgresql:')) {
  await migratePostgres(where, { migrations, log })
} else {
  const embedded = await openEmbedded(where)
  await migrate(embedded.migrations, { migrations, log })
  await embedded.close()
}
