import { setTimeout as sleep } from 'node:timers/promises'
import type { EventFilter, LoggedEvent } from '../../domain/log/event.ts'
import { nearestPart } from '../../domain/log/partitions.ts'
import type { Statement } from '../database/statement.ts'
import type { Horizon, Place, Services } from '../services.ts'
import { loggedEvent } from '../tables/event.ts'
import type { Row } from '../tables/kinds.ts'
import { FLEET_LOG, FOUND, LOG, LOGGED, PAGED, KNOWN_MISSING } from './pages.ts'
import { checkBefore, checkFound, checkPlace, checkRemoved } from './place.ts'

const SETTLE_POLL_MS = 2
const SETTLE_LIMIT_MS = 1_000
/** Attempts to read a log that was set back meanwhile. */
const ATTEMPTS = 3

/**
 * A horizon that covers all commits before the call, so that a client that has just been answered finds its own events.
 * Writers hold it back for the rest of their transactions, which is milliseconds; a transaction that takes longer than a second
 * is not waited for.
 */
async function settledHorizon(db: Services): Promise<Horizon> {
  const first = await db.log.horizon()
  let latest = first
  for (const end = performance.now() + SETTLE_LIMIT_MS; latest.settled < first.drawn && performance.now() < end;) {
    await sleep(SETTLE_POLL_MS)
    latest = await db.log.horizon()
  }
  return latest
}

/** The events that one statement found, and the state of the log that it saw. */
type Page = {
  readonly events: LoggedEvent[]
  /** Whether the event that this instance knows was there, and so all events that it has read before. */
  readonly hasKnown: boolean
  /** The tag of the event at the place, or one of FOUND. */
  readonly found: number
}

/** Reads on from a place. */
async function readPage({ query }: Services, statement: Statement, values: readonly unknown[]): Promise<Page> {
  const rows = (await query<Row>(statement, values)).map(PAGED.read)
  const found = rows[0]?.found ?? FOUND.knownMissing
  return { events: rows.flatMap(eventOf), found, hasKnown: found !== FOUND.knownMissing }
}

/** Reads a range, without a check of the event at its beginning. */
async function readRange(db: Services, statement: Statement, values: readonly unknown[]): Promise<Page> {
  const rewinds = db.log.rewinds()
  const rows = (await db.query<Row>(statement, values)).map(LOGGED.read)
  // An empty result does not say whether the known event was there.
  if (rows.length === 0) await db.log.horizon()
  const hasKnown = rows.length === 0 ? db.log.rewinds() === rewinds : rows[0]?.tag !== KNOWN_MISSING
  return { events: rows.flatMap(eventOf), found: FOUND.nothing, hasKnown }
}

/** The event of a row, if it has one. */
const eventOf = ({ event, position, tag }: ReturnType<typeof LOGGED.read>): LoggedEvent[] =>
  event === null ? [] : [loggedEvent(event, Number(position), Number(tag ?? 0))]

const knownIn = ({ log }: Services): readonly [position: number | null, tag: number | null] => {
  const known = log.known()
  return [known?.position ?? null, known?.tag ?? null]
}

/**
 * Reads events for a reader that goes on from a position.
 * @returns null if the log was set back meanwhile: followers have been rewound
 */
async function readUnlessRewound(db: Services, read: () => Promise<Page>): Promise<Page | null> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const rewinds = db.log.rewinds()
    const page = await read()
    if (page.hasKnown) return page
    // Otherwise the known event was removed for its age.
    await db.log.horizon()
    if (db.log.rewinds() !== rewinds) return null
  }
  throw new Error('the log cannot be read: the event that is known in it is gone')
}

/** All fleets' events in (after, upTo], oldest first, at most `limit`; none if the log was set back. */
export async function readLog(db: Services, after: number, upTo: number, limit: number): Promise<LoggedEvent[]> {
  const page = await readUnlessRewound(db, () =>
    readRange({ ...db, query: db.hedgedQuery }, LOG, [after, upTo, limit, ...knownIn(db)]),
  )
  return page?.events ?? []
}

/** The most vehicles that are looked up one by one. */
const FEW_VEHICLES = 100

/** Positions of a page; `after` is null for the beginning, wherever that is. */
type Range = {
  readonly after: number | null
  readonly upTo: number
  readonly limit: number
  /** Whether the page has the last events of the range, the last first, and finds what is right behind the range. */
  readonly backwards?: boolean
}

/**
 * Reads a page of all events from the nearest partition alone if it fills the page: each partition that a statement reads costs
 * as much as ten events.
 */
async function readFleetPage(db: Services, fleetId: string, filter: EventFilter, range: Range): Promise<Page> {
  const { after, upTo, limit, backwards = false } = range
  const isFiltered = filter.types !== null || filter.vehicleIds !== null
  const near = isFiltered ? null : nearestPart({ after: after ?? 0, upTo }, db.partitions.bounds, limit, backwards)
  if (near) {
    const part = backwards ? { ...range, after: near.after } : { ...range, upTo: near.upTo }
    const page = await readAtOnce(db, fleetId, filter, part)
    if (!page.hasKnown || page.events.length === limit) return page
  }
  return readAtOnce(db, fleetId, filter, range)
}

function readAtOnce(
  db: Services,
  fleetId: string,
  { vehicleIds, types }: EventFilter,
  { after, upTo, limit, backwards = false }: Range,
): Promise<Page> {
  const few = vehicleIds !== null && vehicleIds.length <= FEW_VEHICLES
  const rare = types !== null && !types.includes('STATE_RECORDED')
  const all = types === null && vehicleIds === null
  const { ofAll, ofSome, ofRareTypes, ofVehicles } = FLEET_LOG
  const { fromPlace, fromBeginning, upToPlace } = all ? ofAll : few ? ofVehicles : rare ? ofRareTypes : ofSome
  const values: unknown[] = [fleetId, after ?? 0, upTo, limit, ...knownIn(db)]
  if (!all) values.push(types && [...new Set(types)], vehicleIds && [...new Set(vehicleIds)])
  if (backwards) return readPage(db, upToPlace, values)
  return after === null ? readRange(db, fromBeginning, values) : readPage(db, fromPlace, values)
}

/**
 * The same from a standby, up to the event to which it is known to have the log. Only a page is taken in which all is as it
 * should be: the primary has to say what is the matter with another.
 * @param range begins at a place
 * @param isGood whether what was found at the place will do
 * @returns the page, and the end of its range; null where the primary has to be asked
 */
async function readAtStandby(
  db: Services,
  fleetId: string,
  filter: EventFilter,
  range: Range,
  isGood: (found: number) => boolean,
): Promise<(Page & { readonly upTo: number }) | null> {
  if (!db.standby || (range.after === null && !range.backwards)) return null
  return db.standby.read(async (query, known) => {
    // Of a page from its end on the event right behind it is read, too.
    const isThere = range.backwards ? range.upTo < known.position : (range.after ?? 0) < known.position
    if (!isThere) return null
    const upTo = Math.min(range.upTo, known.position)
    const there = { ...db, query, log: { ...db.log, known: () => known } }
    const page = await readFleetPage(there, fleetId, filter, { ...range, upTo })
    return page.hasKnown && isGood(page.found) ? { ...page, upTo } : null
  })
}

/**
 * One fleet's events in (after, upTo], oldest first, at most `limit`: its own vehicles' and those it was the partner of; none
 * if the log was set back.
 * @param after null for the beginning, wherever that is
 * @returns the events, and the end of the range that was read: it may end sooner
 * @throws CursorExpiredError
 */
export async function readFleetLog(
  db: Services,
  fleetId: string,
  filter: EventFilter,
  after: number | null,
  upTo: number,
  limit: number,
): Promise<{ readonly events: LoggedEvent[]; readonly upTo: number }> {
  const range = { after, upTo, limit }
  const there = await readAtStandby(db, fleetId, filter, range, (found) => found !== FOUND.removedBehind)
  if (there) return there
  const page = await readUnlessRewound(db, () => readFleetPage(db, fleetId, filter, range))
  if (page) checkRemoved(page.found)
  return { events: page?.events ?? [], upTo }
}

/** A part of the log, and the end of it from which the page is read; null for no bound. */
export type HistoryPage = {
  readonly after: Place | null
  readonly before: Place | null
  readonly limit: number
  readonly backwards: boolean
}

/**
 * A fleet's events between two places, as of now: the first of them, or the last, the last first.
 * @throws CursorExpiredError
 */
export async function readHistory(
  db: Services,
  fleetId: string,
  filter: EventFilter,
  page: HistoryPage,
): Promise<LoggedEvent[]> {
  const { after, before, limit, backwards } = page
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const events =
      before === null && !backwards
        ? await tryHistory(db, fleetId, filter, after, limit)
        : await tryUpTo(db, fleetId, filter, page)
    if (events) return events
    await db.log.horizon()
  }
  throw new Error('the log cannot be read: it was set back again and again')
}

/**
 * Reads up to a place, or up to the end as of now. Events before a place are settled, because its cursor was handed out.
 * @returns null if the log was set back
 */
async function tryUpTo(
  db: Services,
  fleetId: string,
  filter: EventFilter,
  { after, before, limit, backwards }: HistoryPage,
): Promise<LoggedEvent[] | null> {
  if (before && backwards && !after) {
    const range = { after: null, upTo: before.position - 1, limit, backwards }
    const there = await readAtStandby(db, fleetId, filter, range, (found) => found === before.tag)
    if (there) return there.events
  }
  if (after) await checkPlace(db, fleetId, filter, after)
  if (before && !backwards) await checkBefore(db, before)
  const upTo = before ? before.position - 1 : (await settledHorizon(db)).end
  const page = await readFleetPage(db, fleetId, filter, { after: after?.position ?? null, upTo, limit, backwards })
  if (!page.hasKnown) return null
  if (before && backwards) await checkFound(db, before, page.found)
  return page.events
}

/**
 * Reads on from a place. Events that were settled before stay settled: where they fill the page, the horizon is not asked for.
 * @param after null for the beginning
 * @returns null if the log was set back
 */
async function tryHistory(
  db: Services,
  fleetId: string,
  filter: EventFilter,
  after: Place | null,
  limit: number,
): Promise<LoggedEvent[] | null> {
  const read = (behind: number | null, upTo: number, most: number) =>
    readFleetPage(db, fleetId, filter, { after: behind, upTo, limit: most })
  const from = after?.position ?? null
  const known = db.log.known()?.position ?? 0
  if (after && known - after.position >= limit) {
    const range = { after: after.position, upTo: known, limit }
    const there = await readAtStandby(db, fleetId, filter, range, (found) => found === after.tag)
    if (there?.events.length === limit) return there.events
  }
  // A page that begins so close to the end cannot be full.
  const early = known - (from ?? 0) >= limit ? await read(from, known, limit) : null
  if (early) {
    if (!early.hasKnown) return null
    if (after) await checkFound(db, after, early.found)
    if (early.events.length === limit) return early.events
  }
  const rewinds = db.log.rewinds()
  const { end } = await settledHorizon(db)
  if (early && (end <= known || db.log.rewinds() !== rewinds)) return end === known ? early.events : null
  const rest = await read(early ? known : from, end, limit - (early?.events.length ?? 0))
  if (!rest.hasKnown) return null
  if (after && !early) await checkFound(db, after, rest.found)
  checkRemoved(rest.found)
  return [...(early?.events ?? []), ...rest.events]
}
