import type { EventFilter } from '../../domain/log/event.ts'
import type { Place, Services } from '../services.ts'
import { FOUND, PLACE, TAG } from './pages.ts'

/**
 * A cursor from which the log cannot be continued without a gap: an event behind it has been removed for its age, or the log
 * was set back and lost the cursor's own event.
 */
export class CursorExpiredError extends Error {}

/** @throws CursorExpiredError if an event behind the place has been removed for its age */
export function checkRemoved(found: number): void {
  if (found === FOUND.removedBehind) throw new CursorExpiredError('an event behind the cursor has been removed')
}

/**
 * @param found the tag of the event that is at the place now, or one of FOUND
 * @throws CursorExpiredError if the log does not go on from there
 */
export async function checkFound(db: Services, place: Place, found: number): Promise<void> {
  checkRemoved(found)
  const { tag } = place
  // The same event, and so the same log up to there.
  if (found === tag) return
  const { isRemoved, isBehindSplit } = await db.log.origin(place)
  const isThere = found !== FOUND.nothing
  // An event without a tag was there before all splits. Without a tag in the cursor any event may be the one.
  if (isThere && tag === null && (found === 0 || !isBehindSplit)) return
  if (!isThere && isRemoved && !isBehindSplit) return
  if (!isBehindSplit) await db.log.reportLost(place)
  throw new CursorExpiredError('the log was set back to before the cursor')
}

/** @throws CursorExpiredError if the fleet would not get all events behind a place */
export async function checkPlace(db: Services, fleetId: string, { types }: EventFilter, place: Place): Promise<void> {
  const values = [fleetId, types && [...types], place.position]
  const isThere = await db.standby?.read(async (query, known) => {
    if (known.position < place.position) return null
    const [there] = await query<{ found: string }>(PLACE, values)
    return there && Number(there.found) === place.tag ? true : null
  })
  if (isThere) return
  const [row] = await db.query<{ found: string }>(PLACE, values)
  await checkFound(db, place, Number(row?.found ?? FOUND.nothing))
}

/** @throws CursorExpiredError if the log was set back to before the place: other events may be before it now */
export async function checkBefore(db: Services, place: Place): Promise<void> {
  const [row] = await db.query<{ found: string }>(TAG, [place.position])
  await checkFound(db, place, Number(row?.found ?? FOUND.nothing))
}
