import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type pg from 'pg'
import { seeded } from '../../src/simulator/random.ts'
import { openConnection } from './connection.ts'
import { FLEETS } from './data.ts'
import type { World } from './data.ts'
import { eventIn, follow } from './follower.ts'
import type { Target } from './load.ts'
import { BEFORE, SYSTEMS } from './systems.ts'
import type { Running } from './systems.ts'
import type { Tokens } from './tokens.ts'
import { answers, reports, WORKLOADS } from './workloads.ts'
import type { Caller } from './workloads.ts'

/**
 * All systems are asked the same, and have to say the same: what is faster because it does less, or something else, is not
 * worth measuring.
 */

const SAMPLES = 60

/** The answers to the caller's next operations, parsed, so that spaces do not count. */
async function ask(workload: string, { port }: Target, caller: Caller, operations: number): Promise<unknown[]> {
  const connection = await openConnection(port)
  const answers: unknown[] = []
  for (; caller.turn < operations; caller.turn++) {
    for (const { token, body } of WORKLOADS[workload]?.next?.(caller) ?? []) {
      answers.push(JSON.parse((await connection.post(token, body)).toString()))
    }
  }
  connection.close()
  return answers
}

/** @throws with the first answer that differs */
export async function compareReads(
  workloads: readonly string[],
  systems: ReadonlyMap<string, Running>,
  world: World,
  tokens: Tokens,
): Promise<void> {
  for (const workload of workloads) {
    const [one, ...others] = [...systems].filter(([system]) => answers(system, workload))
    if (one === undefined) continue
    const [first, { target }] = one
    const caller = () => ({ world, tokens, random: seeded(7), place: 0, callers: 1, cell: 0, stride: 1, turn: 0 })
    const expected = await ask(workload, target, caller(), SAMPLES)
    for (const [system, { target }] of others) {
      const given = await ask(workload, target, caller(), SAMPLES)
      const index = expected.findIndex((answer, place) => !isDeepStrictEqual(answer, given[place]))
      if (index !== -1) differ(workload, first, expected[index], system, given[index])
    }
  }
}

/** What is new each time: instants, ids, and which of the vehicles and fleets it was. */
const NEW = [
  [/"(?!2099)\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)"/g, '"instant"'],
  [/"[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}"/g, '"id"'],
  [/"V\d{10}"/g, '"vehicle"'],
  [/"(F|Fleet number )\d+"/g, '"fleet"'],
] as const

/** The vehicles differ in their readings; what is kept of them has to be of the same form. */
const kindsOf = (snapshot: string) => `SELECT jsonb_agg(jsonb_build_array(key, jsonb_typeof(value->'value'),
  jsonb_typeof(value->'observedAt')) ORDER BY key) FROM jsonb_each(${snapshot})`

const EFFECTS = `
  SELECT json_build_object(
    'events', (SELECT json_agg(json_build_object('type', type, 'vehicle', vehicle_id, 'owner', owner_id,
      'partner', partner_id IS NOT NULL, 'occurred', occurred_at <= recorded_at, 'request', request_id IS NOT NULL,
      'sharing', sharing_id, 'command', command_id, 'facts', facts) ORDER BY position)
      FROM event WHERE position > $1),
    'sharings', (SELECT json_agg(to_jsonb(s) || jsonb_build_object('handover', (${kindsOf('s.handover')}),
      'returned', (${kindsOf('s.returned')}))) FROM sharing AS s WHERE id IN
      (SELECT sharing_id FROM event WHERE position > $1)),
    'commands', (SELECT json_agg(c) FROM (SELECT * FROM command WHERE id IN
      (SELECT command_id FROM event WHERE position > $1)) AS c),
    'audit', (SELECT json_agg(to_jsonb(a) - 'id' ORDER BY a.id) FROM audit AS a WHERE request_id IN
      (SELECT request_id FROM event WHERE position > $1)),
    'readings', (SELECT json_agg(json_build_object('speed', speed_kmh, 'energy', energy_percent, 'ignition', ignition,
      'latitude', latitude, 'at', speed_at, 'last', last_instant) ORDER BY latitude) FROM vehicle WHERE id IN
      (SELECT vehicle_id FROM event WHERE position > $1 AND type = 'STATE_RECORDED'))
  )::text AS effects`

/** By workload, what the first of the systems did. */
export type Known = Map<string, { readonly system: string; readonly outcome: unknown }>

export type Comparison = {
  readonly system: string
  readonly target: Target
  readonly world: World
  readonly tokens: Tokens
  readonly known: Known
}

// Every third vehicle is shared: the batches of all systems have to be alike in that.
const callerOf = ({ system, world, tokens }: Comparison): Caller => {
  const place = [...Object.keys(SYSTEMS), BEFORE].indexOf(system) * 3
  return { world, tokens, random: seeded(7), place, callers: 1, cell: Date.now(), stride: 1, turn: 0 }
}

/**
 * One operation each, of a vehicle of its own, and then what the database holds of it.
 * @throws when it is not what the systems before this one did
 */
export async function compareWrites(workloads: readonly string[], comparison: Comparison, client: pg.Client) {
  for (const workload of workloads) {
    const { rows } = await client.query<{ at: string }>('SELECT last_value AS at FROM event_position_seq')
    const answers = await ask(workload, comparison.target, callerOf(comparison), 1)
    const written = await client.query<{ effects: string }>(EFFECTS, [rows[0]?.at])
    compareWithKnown(workload, `[${JSON.stringify(answers)}, ${written.rows[0]?.effects}]`, comparison)
  }
}

/** @throws when an event is not delivered as by the systems before this one; each has cursors of its own */
export async function compareStreams(comparison: Comparison): Promise<void> {
  const { target, tokens } = comparison
  const { promise: delivered, resolve } = Promise.withResolvers<Buffer>()
  const follower = await follow(target.port, tokens.fleets[0] ?? '', resolve)
  const caller = callerOf(comparison)
  const connection = await openConnection(target.port)
  // A subscription is not acknowledged: the first event may come before it stands.
  for (let isDelivered = false; !isDelivered; caller.turn++) {
    const { token, body } = reports(caller, 1, FLEETS)
    await connection.post(token, body)
    isDelivered = await Promise.race([delivered.then(() => true), sleep(500, false)])
  }
  connection.close()
  follower.close()
  const { cursor: _cursor, ...event } = eventIn(await delivered)
  compareWithKnown('stream', JSON.stringify(event), comparison)
}

function compareWithKnown(what: string, text: string, { known, system }: Comparison): void {
  const outcome = JSON.parse(NEW.reduce((text, [pattern, by]) => text.replaceAll(pattern, by), text)) as unknown
  const first = known.get(what)
  if (first === undefined) known.set(what, { system, outcome })
  else if (!isDeepStrictEqual(first.outcome, outcome)) differ(what, first.system, first.outcome, system, outcome)
}

function differ(workload: string, first: string, expected: unknown, second: string, given: unknown): never {
  const [one, other] = [JSON.stringify(expected), JSON.stringify(given)]
  let from = 0
  while (one[from] === other[from]) from++
  const near = (text: string) => text.slice(Math.max(0, from - 200), from + 200)
  throw new Error(`${workload}: ${first}\n${near(one)}\n${second}\n${near(other)}`)
}
