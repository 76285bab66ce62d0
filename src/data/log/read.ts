import { setTimeout as sleep } from 'node:timers/promises'
import type { EventFilter, LoggedEvent } from '../../domain/log/event.ts'
import type { Services } from '../services.ts'
import { FLEET_LOG, LAST_REMOVED, LOG, LOGGED, PAGED } from './pages.ts'
import type { Horizon } from '../services.ts'
import { EVENT, loggedEvent } from '../tables/event.ts'
import type { Row, Values } from '../tables/record.ts'

/** An event behind the cursor has been removed for its age: to go on from there would leave a gap that nobody sees. */
export class CursorExpiredError extends Error {}

const SETTLE_POLL_MS = 2
const SETTLE_LIMIT_MS = 1_000

/**
 * A horizon that covers all that was committed when it was asked for, so that who has just been answered finds its own
 * events. Writers hold it back for the rest of their transactions, which is milliseconds; one that takes longer than a
 * second is not waited for. `drawn` is as of the asking.
 */
async function settledHorizon(db: Services): Promise<Horizon> {
  const first = await db.log.horizon()
  let { settled } = first
  for (const end = performance.now() + SETTLE_LIMIT_MS; settled < first.drawn && performance.now() < end;) {
    await sleep(SETTLE_POLL_MS)
    ;({ settled } = await db.log.horizon())
  }
  return { settled, drawn: first.drawn }
}

/** All fleets' events in (after, upTo], oldest first, at most `limit`. */
export async function readLog({ query }: Services, after: number, upTo: number, limit: number): Promise<LoggedEvent[]> {
  return (await query<Row>(LOG, [after, upTo, limit])).map(logged)
}

/** More vehicles than this are not looked up one by one. */
const FEW_VEHICLES = 100

/**
 * One fleet's events in (after, upTo], oldest first, at most `limit`: its own vehicles' and those it was the partner of.
 * @param after null for the beginning, wherever that is
 * @throws CursorExpiredError
 */
export async function readFleetLog(
  { query }: Services,
  fleetId: string,
  { vehicleIds, types }: EventFilter,
  after: number | null,
  upTo: number,
  limit: number,
): Promise<LoggedEvent[]> {
  const few = vehicleIds !== null && vehicleIds.length <= FEW_VEHICLES
  const rare = types !== null && !types.includes('STATE_RECORDED')
  const all = types === null && vehicleIds === null
  const { ofAll, ofSome, ofRareTypes, ofVehicles } = FLEET_LOG
  const { fromPlace, fromBeginning } = all ? ofAll : few ? ofVehicles : rare ? ofRareTypes : ofSome
  const values: unknown[] = [fleetId, after ?? 0, upTo, limit]
  if (!all) values.push(types && [...new Set(types)], vehicleIds && [...new Set(vehicleIds)])
  if (after === null) return (await query<Row>(fromBeginning, values)).map(logged)
  const events: LoggedEvent[] = []
  for (const row of await query<Row>(fromPlace, values)) {
    const values = PAGED.read(row)
    checkPlace(after, values[PAGED.at.removed] as number | null)
    if (values[PAGED.at.position] != null) events.push(toEvent(values))
  }
  return events
}

/**
 * A fleet's first events behind a place, as of now. What was settled before is so still: where that fills the page, how far
 * the log has come since is not even asked.
 * @param after null for the beginning
 * @returns null for a place that the log has not reached
 * @throws CursorExpiredError
 */
export async function readHistory(
  db: Services,
  fleetId: string,
  filter: EventFilter,
  after: number | null,
  limit: number,
): Promise<LoggedEvent[] | null> {
  const read = (behind: number | null, upTo: number, most: number) =>
    readFleetLog(db, fleetId, filter, behind, upTo, most)
  const known = db.log.settled()
  const from = after ?? 0
  // So close to the end it cannot be full.
  const early = known - from >= limit ? await read(after, known, limit) : null
  if (early?.length === limit) return early
  const { settled, drawn } = await settledHorizon(db)
  // Not `settled`: a writer that is only now taking its place can hold it a little behind what was read before.
  if (from > drawn) return null
  if (!early) return read(after, settled, limit)
  return settled > known ? [...early, ...(await read(known, settled, limit - early.length))] : early
}

/** @throws CursorExpiredError if something behind the place that a fleet would have got has been removed */
export async function checkKept(
  { query }: Services,
  fleetId: string,
  { types }: EventFilter,
  after: number,
): Promise<void> {
  const [row] = await query<{ removed: string | null }>(LAST_REMOVED, [fleetId, types && [...types]])
  checkPlace(after, row?.removed == null ? null : Number(row.removed))
}

function checkPlace(after: number, removed: number | null): void {
  if (removed !== null && removed > after) {
    throw new CursorExpiredError('an event behind the cursor has been removed')
  }
}

const PRUNED_AT_ONCE = 2_000

/**
 * Removes events that were recorded longer ago than `keptMs`, at most 2,000, oldest first; of the instances on one database
 * one at a time does.
 * @returns whether there may be more
 */
export async function pruneLog({ prisma }: Services, keptMs: number): Promise<boolean> {
  const [row] = await prisma.$queryRaw<[{ removed: number }]>`
    SELECT prune_log(clock_timestamp() - make_interval(secs => ${keptMs / 1000}), ${PRUNED_AT_ONCE}::int) AS removed`
  return row.removed === PRUNED_AT_ONCE
}

const logged = (row: Row): LoggedEvent => toEvent(LOGGED.read(row))

/** Both selections begin alike. */
const toEvent = (values: Values): LoggedEvent =>
  loggedEvent(EVENT.decode(values, LOGGED.at.event), values[LOGGED.at.position] as number)
