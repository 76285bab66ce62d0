import { parseArgs } from 'node:util'
import { readSettings, SettingsError } from '../settings.ts'
import type { Settings } from '../settings.ts'

/**
 * What a command of package.json begins with that takes nothing but settings. Ends the process with 0 where it was asked for
 * help, and with 1 where something is wrong, which it says in a line that names the command.
 * @param check throws SettingsError for what this command cannot do with them
 */
export function settingsOf(command: string, help: string, check: (settings: Settings) => void = () => {}): Settings {
  try {
    const { values } = parseArgs({ options: { help: { type: 'boolean', default: false } } })
    if (values.help) {
      console.log(help)
      process.exit(0)
    }
    const settings = readSettings(process.env)
    check(settings)
    return settings
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    // Who gave it a setting knows what the command is for.
    console.error(`npm run ${command}: ${message}${error instanceof SettingsError ? '.' : `\n\n${help}`}`)
    process.exit(1)
  }
}
