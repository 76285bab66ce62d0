import type { EventFilter } from '../../domain/log/event.ts'
import type { Place, Services } from '../services.ts'
import { PLACE } from './pages.ts'

/**
 * Going on from there would leave a gap that nobody sees: an event behind the cursor has been removed for its age, or the
 * log was set back, and lost the cursor's own event.
 */
export class CursorExpiredError extends Error {}

/** What a statement found of the log at a place; null for no event, and for nothing removed. */
type Found = { readonly placed: number | null; readonly removed: number | null }

/** @throws CursorExpiredError if something behind a position has been removed for its age */
export function checkRemoved(position: number, { removed }: Pick<Found, 'removed'>): void {
  if (removed !== null && removed > position) {
    throw new CursorExpiredError('an event behind the cursor has been removed')
  }
}

/** @throws CursorExpiredError if the log does not go on from a place */
export async function checkFound(db: Services, place: Place, found: Found): Promise<void> {
  checkRemoved(place.position, found)
  const { placed } = found
  const { tag } = place
  // The same event, and so the same log up to there.
  if (placed !== null && placed === tag) return
  const { isRemoved, isBehindSplit } = await db.log.origin(place)
  // An event without a tag was there before all splits. Without a tag in the cursor any event may be the one.
  if (tag === null && placed !== null && (placed === 0 || !isBehindSplit)) return
  if (placed === null && isRemoved && !isBehindSplit) return
  if (!isBehindSplit) await db.log.lost(place)
  throw new CursorExpiredError('the log was set back to before the cursor')
}

/** @throws CursorExpiredError if the fleet would not get all that is behind a place */
export async function checkPlace(db: Services, fleetId: string, { types }: EventFilter, place: Place): Promise<void> {
  const values = [fleetId, types && [...types], place.position]
  const [row] = await db.query<{ removed: string | null; placed: string | null }>(PLACE, values)
  const numberOf = (text: string | null | undefined) => (text == null ? null : Number(text))
  await checkFound(db, place, { removed: numberOf(row?.removed), placed: numberOf(row?.placed) })
}
