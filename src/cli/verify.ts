import { callOf, callWithOptions, settingsAndFlagsOf } from './run.ts'
import { checkVersion, openSql, rebuild, repairVehicle, verify } from '../data/verify/verify.ts'
import type { Disagreement } from '../data/verify/verify.ts'
import type { Sql } from '../data/database/statement.ts'

const HELP = `Says where sharings and commands do not agree with the log, with each other or with their indexes.

  DATABASE_URL=postgresql://fleetshare:secret@localhost:5432/fleetshare ${callOf('verify')}

A line for each, and it ends with 1; with 0 where all agrees. It only reads, and instances may run meanwhile. Without
DATABASE_URL it is the embedded database in DATA_DIR, which no server may be using.
  --repair  do what the log says, and say what was done; no event is changed or removed
  --help    this text`

const { settings, given } = settingsAndFlagsOf('verify', HELP, ['repair'])

try {
  const { sql, close } = await openSql(settings)
  try {
    await checkVersion(sql, given.includes('repair'))
    process.exitCode = await (given.includes('repair') ? repairAll(sql) : verifyAll(sql))
  } finally {
    await close()
  }
} catch (error) {
  console.error(`${callOf('verify')}: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}

/** @returns the exit code */
async function verifyAll(sql: Sql): Promise<0 | 1> {
  let found = 0
  await verify(sql, ({ line }) => {
    found++
    console.log(line)
  })
  console.log(
    found === 0
      ? 'Everything agrees.'
      : `${found} things do not agree. ${callWithOptions('verify')} --repair does what the log says.`,
  )
  return found === 0 ? 0 : 1
}

/** Indexes first, by which rows are found; that of the constraint last, when no two rows overlap any more. */
async function repairAll(sql: Sql): Promise<0 | 1> {
  const vehicles = new Set<string>()
  const indexes: NonNullable<Disagreement['index']>[] = []
  await verify(sql, ({ line, vehicleId, index }) => {
    console.log(line)
    if (vehicleId !== null) vehicles.add(vehicleId)
    if (index) indexes.push(index)
  })
  for (const index of indexes) if (!index.excludes) console.log(await rebuild(sql, index))
  for (const vehicleId of vehicles) for (const line of await repairVehicle(sql, vehicleId)) console.log(line)
  for (const index of indexes) if (index.excludes) console.log(await rebuild(sql, index))
  return vehicles.size + indexes.length === 0 ? verifyAll(sql) : again(sql)
}

async function again(sql: Sql): Promise<0 | 1> {
  console.log('Once more:')
  return verifyAll(sql)
}
