import { openDatabase } from '../../src/data/connection/open.ts'
import { createServices } from '../../src/data/create-services.ts'
import { COMMAND } from '../../src/data/tables/command.ts'
import { optional, select, selectParts } from '../../src/data/tables/record.ts'
import type { Row } from '../../src/data/tables/kinds.ts'
import { SHARING } from '../../src/data/tables/sharing.ts'
import { VEHICLE } from '../../src/data/tables/vehicle.ts'
import { fleetId } from './data.ts'
import { fill } from './fill.ts'
import { startOwnPostgres } from './postgres.ts'

/**
 * What a statement costs this process by each of the ways that the data layer could go: Prisma's own methods, Prisma's raw
 * queries, and prepared statements. The same rows, in turn, in several rounds; the median of the processor time counts.
 *
 *   npx node test/bench/ways.ts
 */

const ROUNDS = 7
const TIMES = 400

const postgres = await startOwnPostgres()
const databaseUrl = await postgres.databaseUrl('fleetshare_ways')
const connection = await openDatabase({ databaseUrl, dataDir: '' })
await fill(databaseUrl, { vehicles: 2_000, events: 20_000 })
const { prisma, query, stop } = await createServices(connection)

const owner = fleetId(1)
const [first] = await prisma.sharing.findMany({ where: { ownerId: owner }, take: 1 })
if (!first) throw new Error('there is no sharing')
const { id } = first

const PAGE = selectParts({ vehicle: VEHICLE.of('v'), sharing: optional(SHARING.of('s', ['handover', 'returned'])) })
const pageText = (columns: string, owned: string) => `SELECT ${columns} FROM
  (SELECT * FROM vehicle WHERE owner_id = ${owned} AND deleted_at IS NULL ORDER BY id LIMIT 50) AS v
  LEFT JOIN sharing AS s ON s.vehicle_id = v.id AND s.ended_at IS NULL AND s.cancelled_at IS NULL ORDER BY v.id`
const ONE = select(SHARING.of('s'))
const OPEN = { endedAt: null, cancelledAt: null }

/** The values of a table's columns under their own names, as a raw query gives them. */
const plain = (alias: string, names: readonly string[]) => names.map((name) => `${alias}.${name} AS ${alias}_${name}`)
const namesOf = (table: { readonly columns: readonly { readonly name: string }[] }) =>
  table.columns.map(({ name }) => name)
const rawPage = pageText([...plain('v', namesOf(VEHICLE)), ...plain('s', namesOf(SHARING))].join(', '), '$1')

const WAYS: Readonly<Record<string, Readonly<Record<string, () => Promise<unknown>>>>> = {
  'one sharing by id': {
    'Prisma method': async () => SHARING.fromPrisma(await prisma.sharing.findUniqueOrThrow({ where: { id } })),
    'Prisma raw query': async () => prisma.$queryRawUnsafe('SELECT * FROM sharing WHERE id = $1', id),
    'prepared statement': async () =>
      (await query<Row>({ name: 'way_one', text: `SELECT ${ONE.sql} FROM sharing AS s WHERE s.id = $1` }, [id])).map(
        ONE.read,
      ),
  },
  '50 vehicles with their open sharings': {
    'Prisma method': async () => {
      const rows = await prisma.vehicle.findMany({
        where: { ownerId: owner, deletedAt: null },
        orderBy: { id: 'asc' },
        take: 50,
        include: { sharings: { where: OPEN } },
      })
      return rows.map((row) => ({ ...VEHICLE.fromPrisma(row), sharings: row.sharings.map(SHARING.fromPrisma) }))
    },
    'Prisma raw query': async () => prisma.$queryRawUnsafe(rawPage, owner),
    'prepared statement': async () =>
      (await query<Row>({ name: 'way_page', text: pageText(PAGE.sql, '$1') }, [owner])).map((row) => {
        const { vehicle, sharing } = PAGE.read(row)
        return sharing ? { ...vehicle, sharing } : vehicle
      }),
  },
  'a command, written and removed': {
    'Prisma method': async () => {
      await prisma.command.create({ data: aCommand() })
      await prisma.command.delete({ where: { id: 'way' } })
    },
    'Prisma raw query': async () => {
      await prisma.$executeRawUnsafe(
        `INSERT INTO command (${COMMAND.names}) SELECT ${COMMAND.names} FROM jsonb_populate_record(NULL::command, $1::jsonb)`,
        JSON.stringify(COMMAND.toJson(COMMAND.fromPrisma(aCommand()))),
      )
      await prisma.$executeRawUnsafe('DELETE FROM command WHERE id = $1', 'way')
    },
    'prepared statement': async () => {
      await query(
        {
          name: 'way_insert',
          text: `INSERT INTO command (${COMMAND.names}) SELECT ${COMMAND.names} FROM jsonb_populate_record(NULL::command, $1::jsonb)`,
        },
        [JSON.stringify(COMMAND.toJson(COMMAND.fromPrisma(aCommand())))],
      )
      await query({ name: 'way_delete', text: 'DELETE FROM command WHERE id = $1' }, ['way'])
    },
  },
}

function aCommand() {
  const at = new Date()
  return {
    id: 'way',
    type: 'DRAW_ATTENTION',
    status: 'SUCCEEDED',
    vehicleId: first?.vehicleId ?? '',
    ownerId: owner,
    fleetId: owner,
    sharingId: null,
    requestedAt: at,
    deadline: new Date(at.getTime() + 1_000),
    dispatchedAt: at,
    completedAt: at,
    message: null,
  }
}

const median = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN

async function costOf(run: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  for (let time = 0; time < TIMES; time++) await run()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / TIMES
}

for (const [what, ways] of Object.entries(WAYS)) {
  const costs = new Map(Object.keys(ways).map((way) => [way, [] as number[]]))
  for (let round = -1; round < ROUNDS; round++) {
    for (const [way, run] of Object.entries(ways)) {
      const cost = await costOf(run)
      // The first round warms up.
      if (round >= 0) costs.get(way)?.push(cost)
    }
  }
  console.log(what)
  for (const [way, measured] of costs)
    console.log(`  ${way.padEnd(20)} ${median(measured).toFixed(0)} us of processor time`)
}
stop()
await connection.close()
await postgres.stop()
process.exit()
