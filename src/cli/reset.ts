import { access, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { lockFolder } from '../data/connection/folder-lock.ts'
import { SettingsError } from '../settings.ts'
import { callOf, settingsOf } from './run.ts'

const HELP = `Sets the demo world back: removes the embedded database in DATA_DIR, which no server may be using.

  ${callOf('reset')}

The next start makes the demo world anew. Tokens stay valid: their key is kept.
  --help  this text`

const settings = settingsOf('reset', HELP, ({ databaseUrl, provider }) => {
  if (databaseUrl !== null) throw new SettingsError('DATABASE_URL is set: only the embedded database is removed')
  if (provider) throw new SettingsError('AUTH_* is set: only a demo world is set back')
})
const folder = join(settings.dataDir, 'postgres')
const exists = await access(folder).then(
  () => true,
  () => false,
)
try {
  if (exists) {
    const unlock = await lockFolder(folder)
    await rm(folder, { recursive: true })
    await unlock()
  }
  console.log(exists ? `Removed: ${resolve(folder)}` : `There is no embedded database in ${resolve(settings.dataDir)}.`)
} catch (error) {
  console.error(`${callOf('reset')}: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}
