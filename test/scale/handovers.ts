import { setTimeout as sleep } from 'node:timers/promises'
import { run } from '../support/api.ts'
import { openAcknowledged } from '../support/raw.ts'
import type { Arena } from './arena.ts'
import { note, promise, summary } from './figures.ts'
import { startReporting } from './reporting.ts'

type Options = {
  readonly vehicles: number
  /** How long it takes until the last of them is due, from the first on. Milliseconds. */
  readonly within: number
  readonly instances: number
  /** Reports per second of those vehicles, in batches of 1,000. */
  readonly rate: number
}

const BATCH = 1_000
/** Before the first one is due, for reports to come at their pace; and what filling takes for each vehicle. Milliseconds. */
const AHEAD_MS = 6_000
const FILL_MS = 1
const LIMIT_MS = 90_000
const EDIT_EVERY_MS = 20
const LOOK_EVERY_MS = 20
/** The promise, and what more vehicles may take. Milliseconds. */
const SOON_MS = 1_000
const MANY_SOON_MS = 5_000
const FEW = 1_000
const OTHERS_MS = 300
const MOST_LOCKS = 200

const LOCKS = `SELECT count(*)::int AS held FROM pg_locks
  WHERE locktype = 'advisory' AND objsubid = 1 AND classid::bigint >> 16 = x'4653'::bigint`

/** Many sharings end at once while their vehicles report: how late that is announced, and what others notice of it. */
export async function measureHandovers(arena: Arena, options: Options): Promise<void> {
  const { vehicles, within, rate } = options
  const instances = []
  while (instances.length < options.instances) instances.push(await arena.start())
  const urls = instances.map(({ url }) => url)
  const [url = ''] = urls
  const { due, ids } = await fill(arena, vehicles, within)
  const [owner, other] = [await arena.token('A', 'viewer'), await arena.token('C', 'manager')]
  const endings = await listen(url, owner, ['SHARING_ENDED'], 'occurredAt')
  const edits = await listen(url, other, null, 'recordedAt')
  const writing = edit(url, other)
  const locks = watchLocks(arena)
  const token = await arena.token(null, 'gateway')
  const reporting = startReporting({ urls, token, vehicles: ids, rate, batch: BATCH })
  note(`${vehicles} sharings end within ${within} ms, on ${instances.length} instances, ${rate} reports/s`)
  promise('the first is due after all has been set up', Date.now() < due - 1_000)
  const end = due + within + LIMIT_MS
  while (endings.delays.length < vehicles && Date.now() < end) await sleep(50)
  note('all are announced, or are not waited for any longer')
  await writing.stop()
  await reporting.stop()
  const most = await locks.stop()
  console.log(`  from the due instant to a subscriber: ${summary(endings.delays)}`)
  console.log(`  events of another fleet, from recordedAt: ${summary(edits.delays)}; edits: ${summary(writing.took)}`)
  const limit = vehicles <= FEW ? SOON_MS : MANY_SOON_MS
  promise(`each end is announced once: ${endings.delays.length}`, endings.delays.length === vehicles)
  promise(`all are announced within ${limit} ms`, Math.max(...endings.delays) <= limit)
  promise(`events of others are at most ${OTHERS_MS} ms late`, Math.max(...edits.delays) <= OTHERS_MS)
  promise(`fewer than ${MOST_LOCKS} advisory locks are held: ${most}`, most < MOST_LOCKS)
  promise(`no edit is refused: ${writing.refusals.length}`, writing.refusals.length === 0)
  const complaints = instances.flatMap((instance) => [...instance.complaints.keys()])
  promise(`nothing is logged as an error: ${complaints.length}`, complaints.length === 0)
  endings.close()
  edits.close()
}

/** Fleet A lends all its vehicles to B; C has one of its own. */
async function fill({ db }: Arena, vehicles: number, within: number) {
  const due = Date.now() + AHEAD_MS + vehicles * FILL_MS
  await db.query(`
    INSERT INTO fleet (id, name) VALUES ('A', 'A'), ('B', 'B'), ('C', 'C');
    INSERT INTO partnership (fleet_id, partner_id) VALUES ('A', 'B'), ('B', 'A');
    INSERT INTO vehicle (id, owner_id, supported_commands, last_instant, created_at)
      SELECT 'V' || n, 'A', '{}', now(), now() FROM generate_series(1, ${vehicles}) AS n;
    INSERT INTO vehicle (id, owner_id, supported_commands, last_instant, created_at)
      VALUES ('other', 'C', '{}', now(), now());
    INSERT INTO sharing (id, vehicle_id, owner_id, partner_id, starts_at, start_recorded, created_at, ends_at)
      SELECT 'S' || n, 'V' || n, 'A', 'B', now() - interval '1 hour', TRUE, now() - interval '1 hour',
        to_timestamp(${due} / 1000.0 + (n % ${within}) / 1000.0)
      FROM generate_series(1, ${vehicles}) AS n`)
  await db.query('VACUUM ANALYZE')
  return { due, ids: Array.from({ length: vehicles }, (_, index) => `V${index + 1}`) }
}

type Instants = { readonly occurredAt: string; readonly recordedAt: string }
type Message = { readonly type: string; readonly payload: { readonly data: { readonly vehicleEvents: Instants } } }

/** Subscribes to what comes. @returns how long after one of its instants each event came. Milliseconds */
async function listen(url: string, token: string, types: readonly string[] | null, since: keyof Instants) {
  const { socket, send } = await openAcknowledged(url, token)
  const delays: number[] = []
  socket.on('message', (text: Buffer) => {
    const { type, payload } = JSON.parse(text.toString()) as Message
    if (type === 'next') delays.push(Date.now() - Date.parse(payload.data.vehicleEvents[since]))
  })
  const query = `subscription ($types: [VehicleEventType!]) {
    vehicleEvents(filter: { types: $types }) { vehicleId occurredAt recordedAt } }`
  send({ id: '1', type: 'subscribe', payload: { query, variables: { types } } })
  return { delays, close: () => socket.close() }
}

/** Edits the vehicle of the other fleet at a steady pace. */
function edit(url: string, token: string) {
  const took: number[] = []
  const refusals: unknown[] = []
  let isOver = false
  const working = (async () => {
    for (let turn = 0; !isOver; turn++) {
      const sent = performance.now()
      const input = { id: 'other', name: `name ${turn}` }
      const answer = await run(url, token, 'updateVehicle', input).catch((error: unknown) => void refusals.push(error))
      if (answer) took.push(performance.now() - sent)
      await sleep(EDIT_EVERY_MS)
    }
  })()
  return {
    took,
    refusals,
    stop: async () => {
      isOver = true
      await working
    },
  }
}

/** @returns the most locks on the log's horizon that were held at one time */
function watchLocks({ db }: Arena) {
  let most = 0
  let isOver = false
  const looking = (async () => {
    while (!isOver) {
      const { rows } = await db.query<{ held: number }>(LOCKS)
      most = Math.max(most, rows[0]?.held ?? 0)
      await sleep(LOOK_EVERY_MS)
    }
  })()
  return {
    stop: async () => {
      isOver = true
      await looking
      return most
    },
  }
}
