import { createCursors } from '../../src/data/log/cursor.ts'
import type { VehicleEventType } from '../../src/domain/log/event.ts'
import { ask } from '../support/api.ts'
import type { Arena } from './arena.ts'
import { note, promise, quantile, summary } from './figures.ts'
import { fillLog, fleetId, RARE_FLEETS, settleTables, vehicleId, VEHICLES_PER_FLEET } from './fill.ts'
import type { Instance } from './instance.ts'
import { ALL, explain, fleetStatement, tailStatement } from './plans.ts'
import type { Statement } from './plans.ts'
import { openTimed } from './timed.ts'
import { endOf, positionsOf } from './world.ts'

type Options = { readonly events: number; readonly fleets: number }

/** Young enough for none of it to be removed for its age. */
const HOURS = 24
const PLACES = 11
const TURNS = 10
/** Read before anything is measured, so that the server's code is compiled. */
const WARM_UP = 100
const FIRST_EVENT_MS = 50
/** Read at each place to see that nothing is missing: more than two pages of the stream. */
const CHECKED = 450

/** A long log: how soon the first event behind a place comes, how long pages take, and which plans lie beneath. */
export async function measureLog(arena: Arena, { events, fleets }: Options): Promise<void> {
  const start = await fillLog(arena, { events, fleets, hours: HOURS, skewed: true })
  await addRare(arena)
  await settleTables(arena)
  note(`${events} events of ${fleets} fleets are in the log`)
  const instance = await arena.start()
  const chosen = [1, 2, Math.ceil(fleets / 2), fleets - RARE_FLEETS + 1]
  await warmUp(arena, instance, start)
  const firsts: number[] = []
  for (const number of chosen) firsts.push(...(await measureFleet(arena, instance, number, start)))
  console.log(`  all: the first event after ${summary(firsts)}`)
  const p99 = quantile(
    firsts.toSorted((a, b) => a - b),
    0.99,
  )
  promise(`the first event comes within ${FIRST_EVENT_MS} ms (p99), wherever the place lies`, p99 <= FIRST_EVENT_MS)
  await measureFilters(arena, instance, start)
  await explainAll(arena, fleets, start)
}

/** At the very end, for the big fleet: a type and a vehicle that it has nowhere else. */
const addRare = ({ db }: Arena) =>
  db.query(
    `INSERT INTO event (type, vehicle_id, owner_id, occurred_at, recorded_at, command_id, facts)
      SELECT 'COMMAND_UPDATED', $1, $2, now(), now(), 'none', '{"status": "PENDING"}' FROM generate_series(1, 10)`,
    [vehicleId(1, VEHICLES_PER_FLEET), fleetId(1)],
  )

async function warmUp(arena: Arena, { url }: Instance, start: number): Promise<void> {
  const token = await arena.token(fleetId(1), 'viewer')
  const after = createCursors(arena.cursorKey).seal(start)
  const socket = await openTimed(url, token, arena.cursorKey)
  for (let turn = 0; turn < WARM_UP; turn++) {
    await socket.read(after, {}, 1)
    await ask(url, token, PAGE, { first: 50, after })
  }
  socket.close()
}

/** @returns how long the first event took at each place, every time. Milliseconds */
async function measureFleet(arena: Arena, { url }: Instance, number: number, start: number): Promise<number[]> {
  const id = fleetId(number)
  const token = await arena.token(id, 'viewer')
  const positions = await positionsOf(arena, id, start)
  const socket = await openTimed(url, token, arena.cursorKey)
  const firsts: number[] = []
  const pages: Record<50 | 500, number[]> = { 50: [], 500: [] }
  let right = true
  for (let turn = 0; turn < TURNS; turn++) {
    for (let tenth = 0; tenth < PLACES; tenth++) {
      // At the very end nothing would come: the last place is before the last event.
      const index = Math.floor(((positions.length - 2) * tenth) / (PLACES - 1))
      // Around the place, so that it is another one each time.
      const place = Math.min(index + Math.floor(Math.random() * 20), positions.length - 2)
      const expected = positions.slice(place + 1, place + 1 + CHECKED)
      const after = createCursors(arena.cursorKey).seal(positions[place] ?? 0)
      const { firstMs, seen } = await socket.read(after, {}, turn === 0 ? expected.length : 1)
      firsts.push(firstMs)
      right &&= seen.every((position, offset) => position === expected[offset])
      for (const first of [50, 500] as const) {
        const begun = performance.now()
        const { nodes } = (await ask(url, token, PAGE, { first, after })).vehicleEvents
        pages[first].push(performance.now() - begun)
        right &&= nodes.length === Math.min(first, positions.length - place - 1)
      }
    }
  }
  socket.close()
  console.log(`  ${id}, ${positions.length} events: the first event after ${summary(firsts)}`)
  console.log(`    pages of 50: ${summary(pages[50])}; pages of 500: ${summary(pages[500])}`)
  promise(`${id}: what came at each place is what SQL finds there`, right)
  return firsts
}

const PAGE = `query ($first: Int, $after: String) { vehicleEvents(first: $first, after: $after) {
  nodes { cursor type vehicleId occurredAt recordedAt } pageInfo { hasNextPage endCursor } } }`

/** What is rare, behind a place far back: all that lies between is looked through. Told, not promised. */
async function measureFilters(arena: Arena, { url }: Instance, start: number): Promise<void> {
  const token = await arena.token(fleetId(1), 'viewer')
  const after = createCursors(arena.cursorKey).seal(start)
  for (const [what, filter] of [
    ['a common vehicle', { vehicleIds: [vehicleId(1, 2)] }],
    ['a type that is rare', { types: ['COMMAND_UPDATED'] }],
    ['a vehicle that is rare', { vehicleIds: [vehicleId(1, VEHICLES_PER_FLEET)] }],
  ] as const) {
    const times: number[] = []
    for (let turn = 0; turn < TURNS; turn++) {
      const socket = await openTimed(url, token, arena.cursorKey)
      times.push((await socket.read(after, filter, 1)).firstMs)
      socket.close()
    }
    console.log(`  the big fleet from the start, only ${what}: the first event after ${summary(times)}`)
  }
}

async function explainAll(arena: Arena, fleets: number, start: number): Promise<void> {
  const end = await endOf(arena)
  const [big, rare] = [fleetId(1), fleetId(fleets)]
  const only = (type: VehicleEventType) => ({ ...ALL, types: [type] })
  const vehicle = { ...ALL, vehicleIds: [vehicleId(1, 2)] }
  const rareVehicle = { ...ALL, vehicleIds: [vehicleId(1, VEHICLES_PER_FLEET)] }
  const late = end - 1000
  const statements: [string, Statement][] = [
    ['the tail, at the end', await tailStatement(late, end)],
    ['the tail, from the start', await tailStatement(start, end)],
    ['big fleet, from the start', await fleetStatement(big, ALL, start, end)],
    ['big fleet, at the end', await fleetStatement(big, ALL, late, end)],
    ['rare fleet, from the start', await fleetStatement(rare, ALL, start, end)],
    ['rare fleet, at the end', await fleetStatement(rare, ALL, late, end)],
    ['big fleet, a common vehicle, from the start', await fleetStatement(big, vehicle, start, end)],
    ['big fleet, a common vehicle, at the end', await fleetStatement(big, vehicle, late, end)],
    ['big fleet, 4 % by type, from the start', await fleetStatement(big, only('VEHICLE_CHANGED'), start, end)],
    ['big fleet, a rare type, from the start', await fleetStatement(big, only('COMMAND_UPDATED'), start, end)],
    ['big fleet, a type it never had, from the start', await fleetStatement(big, only('SHARING_ENDED'), start, end)],
    ['big fleet, a rare vehicle, from the start', await fleetStatement(big, rareVehicle, start, end)],
  ]
  for (const [name, statement] of statements) {
    for (const generic of [false, true]) {
      const { lines, ms, buffers } = await explain(arena, statement, generic)
      console.log(`\n${name}, ${generic ? 'generic' : 'custom'} plan: ${ms} ms, ${buffers} buffers`)
      for (const line of lines) console.log(`    ${line}`)
    }
  }
}
