import { openDatabase } from './data/client.ts'
import { readSettings, SettingsError } from './settings.ts'

try {
  // Opening applies them; there is no second way.
  const database = await openDatabase(readSettings(process.env))
  await database.close()
  console.log('The database is up to date.')
} catch (error) {
  console.error(
    `npm run migrate: ${error instanceof Error ? error.message : String(error)}${error instanceof SettingsError ? '.' : ''}`,
  )
  process.exitCode = 1
}
