import { openDatabase } from '../data/connection/open.ts'
import { callOf, settingsOf } from './run.ts'

const HELP = `Brings the database to what this version needs, and ends. Starting the server does the same; nothing is lost.

  DATABASE_URL=postgresql://fleetshare:secret@localhost:5432/fleetshare ${callOf('migrate')}

Without DATABASE_URL it is the embedded database in DATA_DIR, which no server may be using meanwhile.
  --help  this text`

const settings = settingsOf('migrate', HELP)
try {
  // Opening applies them; there is no second way.
  const database = await openDatabase({
    ...settings,
    // The migrations of an empty database are no news.
    onMigration: (level, line) => level === 'debug' || console.log(line),
  })
  await database.close()
  console.log('The database is up to date.')
} catch (error) {
  console.error(`${callOf('migrate')}: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}
