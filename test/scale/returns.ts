import { report } from '../support/gateway.ts'
import type { Arena } from './arena.ts'
import { median, note, promise, summary } from './figures.ts'

type Options = {
  readonly vehicles: number
  readonly rounds: number
}

const PARKED = { speedKmh: 0, ignition: false, centralLock: 'LOCKED' }

/**
 * One batch with a report of each vehicle, which makes it idle: where nothing waits for that, and where the end of a sharing waits
 * for every second one, and the start of one for the others. By turns, in one run.
 */
export async function measureReturns(arena: Arena, { vehicles, rounds }: Options): Promise<void> {
  const { url } = await arena.start()
  const token = await arena.token(null, 'gateway')
  await fill(arena, vehicles)
  const took = { without: [] as number[], with: [] as number[] }
  let handedOver = 0
  // The first round is not counted.
  for (let round = 0; round <= rounds; round++) {
    for (const kind of ['without', 'with'] as const) {
      await wait(arena, vehicles, kind === 'with', round)
      const now = new Date().toISOString()
      const reports = Array.from({ length: vehicles }, (_, nth) => ({
        vehicleId: `V${nth + 1}`,
        messageId: `${kind} ${round}`,
        occurredAt: now,
        ...PARKED,
      }))
      const begun = performance.now()
      const { recorded } = await report(url, token, reports)
      if (round > 0) took[kind].push(performance.now() - begun)
      if (recorded !== vehicles) throw new Error('not all reports were recorded')
      if (kind === 'with') handedOver += await countHandedOver(arena, round)
    }
  }
  note(`batches of ${vehicles} reports`)
  console.log(`  nothing waits: ${summary(took.without)}; each is handed over: ${summary(took.with)}`)
  const ratio = median(took.with) / median(took.without)
  promise(`all are handed over: ${handedOver}`, handedOver === vehicles * (rounds + 1))
  console.log(`  handing all over takes ${ratio.toFixed(1)} times as long`)
}

/** Fleet A has vehicles, and B is its partner. */
async function fill({ db }: Arena, vehicles: number): Promise<void> {
  await db.query(`
    INSERT INTO fleet (id, name) VALUES ('A', 'A'), ('B', 'B');
    INSERT INTO partnership (fleet_id, partner_id) VALUES ('A', 'B'), ('B', 'A');
    INSERT INTO vehicle (id, owner_id, supported_commands, last_instant, created_at)
      SELECT 'V' || n, 'A', '{}', now(), now() FROM generate_series(1, ${vehicles}) AS n`)
}

/** Forgets what was lent, leaves all vehicles driving, and lends them again: in an overrun, or with a start that waits. */
async function wait({ db }: Arena, vehicles: number, isWaiting: boolean, round: number): Promise<void> {
  await db.query(`
    DELETE FROM sharing;
    UPDATE vehicle SET speed_kmh = 50, speed_at = now() - interval '1 s', ignition = TRUE, ignition_at = now() - interval '1 s'`)
  const [begun, due] = [`now() - interval '900 ms'`, `now() - interval '500 ms'`]
  if (isWaiting) {
    await db.query(`
      INSERT INTO sharing (id, vehicle_id, owner_id, partner_id, starts_at, started_at, start_recorded, start_when_idle,
        start_awaited_since, ends_at, end_when_idle, latest_ends_at, is_overrun, end_requested_at, created_at)
      SELECT 'S${round}-' || n, 'V' || n, 'A', 'B', ${begun}, CASE WHEN overruns THEN ${begun} END, overruns, NOT overruns,
        CASE WHEN NOT overruns THEN ${begun} END, CASE WHEN overruns THEN ${due} END, overruns,
        CASE WHEN overruns THEN now() + interval '1 hour' END, CASE WHEN overruns THEN TRUE END,
        CASE WHEN overruns THEN ${due} END, ${begun}
      FROM generate_series(1, ${vehicles}) AS n CROSS JOIN LATERAL (SELECT n % 2 = 0 AS overruns) AS o`)
  }
  await db.query('VACUUM ANALYZE vehicle, sharing')
}

async function countHandedOver({ db }: Arena, round: number): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM sharing WHERE id LIKE $1
      AND (CASE WHEN end_when_idle THEN ended_at ELSE started_at END) IS NOT NULL`,
    [`S${round}-%`],
  )
  return rows[0]?.count ?? 0
}
