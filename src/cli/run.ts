import { parseArgs } from 'node:util'
import { readSettings, SettingsError } from '../settings.ts'
import type { Settings } from '../settings.ts'

/** The call of a command: by npm in a checkout; where the package is installed its program says how it was called itself. */
export const callOf = (command: string): string => `${process.env['FLEETSHARE_CALL'] ?? 'npm run'} ${command}`

/** The same, to be followed by options, which npm takes for its own without the dashes. */
export const callWithOptions = (command: string): string => callOf(command).replace(/^npm .*/, '$& --')

/**
 * The settings of a command that takes nothing else. Ends the process with 0 where it was asked for help, and with 1 where
 * something is wrong, which it says in a line that names the command.
 * @param check throws SettingsError for what this command cannot do with them
 */
export const settingsOf = (command: string, help: string, check: (settings: Settings) => void = () => {}): Settings =>
  settingsAndFlagsOf(command, help, [], check).settings

/**
 * The same of a command that has flags, too.
 * @returns also those that were given
 */
export function settingsAndFlagsOf<Flag extends string>(
  command: string,
  help: string,
  flags: readonly Flag[],
  check: (settings: Settings) => void = () => {},
): { readonly settings: Settings; readonly given: readonly Flag[] } {
  try {
    const options = Object.fromEntries(['help', ...flags].map((flag) => [flag, { type: 'boolean' as const }]))
    const { values } = parseArgs({ options })
    if (values['help']) {
      console.log(help)
      process.exit(0)
    }
    const settings = readSettings(process.env)
    check(settings)
    return { settings, given: flags.filter((flag) => values[flag]) }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    // The help is no answer to a wrong setting.
    console.error(`${callOf(command)}: ${message}${error instanceof SettingsError ? '.' : `\n\n${help}`}`)
    process.exit(1)
  }
}
