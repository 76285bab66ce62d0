import { parseArgs } from 'node:util'
import { createClient } from '../data/client.ts'
import type { Client } from '../data/client.ts'
import { openDatabase } from '../data/connection/open.ts'
import { createServices } from '../data/create-services.ts'
import { readSettings } from '../settings.ts'
import { callOf, callWithOptions } from './run.ts'

const HELP = `Registers a fleet in the database, as an ADMIN does with createFleet. Servers may run meanwhile.

  ${callWithOptions('admin')} create-fleet --id NW4LS --name NewWheels --partner 78LMK

The database is that of DATABASE_URL; without it the embedded one in DATA_DIR, which no server may be using.
  --name NAME   the name of the fleet, unique
  --id ID       the fleet claim of its members' tokens; chosen by the server if absent
  --partner ID  a fleet that it may share vehicles with; may be repeated
  --help        this text`

type Options = { readonly id: string | undefined; readonly name: string; readonly partners: readonly string[] }

/** @throws what is wrong with the arguments; @returns null where help was asked for */
function readOptions(): Options | null {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      id: { type: 'string' },
      name: { type: 'string' },
      partner: { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return null
  const [command, ...others] = positionals
  if (command !== 'create-fleet' || others.length > 0) throw new Error('the one command is create-fleet')
  if (values.name === undefined) throw new Error('--name is missing')
  return { id: values.id, name: values.name, partners: values.partner }
}

/** The fleet before its partnerships: a partner that does not exist leaves the fleet registered, and can be given again. */
async function createFleet({ fleet, partnership }: Client, { id, name, partners }: Options): Promise<void> {
  const created = await fleet.register(id ?? null, name)
  console.log(`Fleet ${created.id} "${created.name}" is registered.`)
  for (const partner of partners) {
    const [, other] = await partnership.register([created.id, partner])
    console.log(`It may share vehicles with ${partner} "${other?.name}".`)
  }
}

try {
  const options = readOptions()
  if (options === null) console.log(HELP)
  else {
    const database = await openDatabase(readSettings(process.env))
    const services = await createServices(database)
    try {
      await createFleet(createClient(services), options)
    } finally {
      services.stop()
      await database.close()
    }
  }
} catch (error) {
  console.error(`${callOf('admin')}: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}
