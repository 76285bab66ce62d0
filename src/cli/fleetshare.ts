#!/usr/bin/env node
import { createChildren } from './child-processes.ts'
import { VERSION } from '../version.ts'

/**
 * The program `fleetshare` of the package: what package.json's scripts do in a checkout, as subcommands. Each is a program of
 * its own in this folder, with --help of its own.
 */

/**
 * As in package.json: a larger young generation, which a server with many short requests needs. V8 otherwise allocates the results of
 * a query in the old generation for good once many of them have survived a collection by chance, and then keeps all that they refer to.
 */
const SERVER_OPTIONS = ['--min-semi-space-size=32', '--max-semi-space-size=32', '--no-allocation-site-pretenuring']

/** The first version with SQLite, by which the embedded database locks its folder. */
const OLDEST_NODE = [22, 13] as const

type Command = { readonly file: string; readonly says: string; readonly options?: readonly string[] }

const COMMANDS: Readonly<Record<string, Command>> = {
  demo: { file: 'cli/demo.ts', says: 'the server, with a demo world whose vehicles move', options: SERVER_OPTIONS },
  start: { file: 'main.ts', says: 'the server', options: SERVER_OPTIONS },
  reset: { file: 'cli/reset.ts', says: 'sets the demo world back' },
  token: { file: 'cli/token.ts', says: 'an access token for a server without an identity provider' },
  admin: { file: 'cli/admin.ts', says: 'registers a fleet in the database' },
  migrate: { file: 'cli/migrate.ts', says: 'brings the database to what this version needs' },
  verify: { file: 'cli/verify.ts', says: 'compares the database with its log, and repairs it' },
  instances: { file: 'cli/instances.ts', says: 'two instances on one PostgreSQL', options: SERVER_OPTIONS },
  simulate: { file: 'simulator/main.ts', says: 'vehicles, and the gateway that connects them' },
}

const HELP = `FleetShare ${VERSION}: a server through which vehicle fleets lend each other vehicles.

  npx fleetshare [COMMAND] [OPTIONS]

${Object.entries(COMMANDS)
  .map(([name, { says }]) => `  ${name.padEnd(10)} ${says}`)
  .join('\n')}

Without a command it is demo. The data are in .data below the working folder, or in DATA_DIR; settings are environment
variables, and docs/settings.md lists them. Each command has more to say: npx fleetshare token --help
  --version   the version of this program
  --help      this text`

/** A checkout brings its Node.js; a package runs on the one that is installed. */
function isNodeTooOld(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  return major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])
}

const [name = 'demo', ...args] = process.argv.slice(2)
const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
if (command && isNodeTooOld()) {
  console.error(`FleetShare needs Node.js ${OLDEST_NODE.join('.')} or later, and this is ${process.versions.node}.`)
  process.exitCode = 1
} else if (command) {
  const { start, stop } = createChildren(command.options)
  start(command.file, { FLEETSHARE_CALL: 'npx fleetshare' }, ...args).on('exit', (code) => stop(code ?? 1))
} else if (name === '--version') console.log(VERSION)
else if (name === '--help') console.log(HELP)
else {
  console.error(`fleetshare: ${name} is not a command.\n\n${HELP}`)
  process.exitCode = 1
}
