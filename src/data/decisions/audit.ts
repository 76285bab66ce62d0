import { LRUCache } from 'lru-cache'
import { refused } from '../../domain/audit.ts'
import type { AuditAction, AuditEntry } from '../../domain/audit.ts'
import { UserError } from '../../domain/errors.ts'
import type { Member } from '../../domain/fleet.ts'
import type { Services } from '../services.ts'
import type { Page } from '../queries/lists.ts'
import { withVehicle } from './lock.ts'
import type { Held, LockOrder } from './lock.ts'
import { isId } from '../tables/ids.ts'
import type { Statement } from '../database/statement.ts'
import { AUDIT, auditRowsOf } from '../tables/audit.ts'
import { selectParts } from '../tables/record.ts'
import type { Row } from '../tables/record.ts'

const RECORD: Statement = {
  name: 'audit',
  text: `INSERT INTO audit (${AUDIT.names}) SELECT ${AUDIT.names} FROM jsonb_populate_recordset(NULL::audit, $1::jsonb)`,
}

/** Of one fleet's refusals so many are kept for an audience in a minute, by each instance: more tell nothing more. */
const MOST_REFUSALS = 60
const COUNTED_FLEETS = 10_000
const refusals = new WeakMap<Services, LRUCache<string, number>>()

function isToBeKept(db: Services, whose: string): boolean {
  const counts = refusals.get(db) ?? new LRUCache({ max: COUNTED_FLEETS, ttl: 60_000, noUpdateTTL: true })
  refusals.set(db, counts)
  const number = (counts.get(whose) ?? 0) + 1
  counts.set(whose, number)
  return number <= MOST_REFUSALS
}

/** Who asks, and under which request id. */
export type Requester = {
  readonly member: Member
  /** Whom the token was made for, if it says so. */
  readonly subject: string | null
  readonly requestId: string
}

/**
 * As withVehicle(), by somebody who is answerable for it: what is done is written down with it, and what is refused by
 * itself, before it is answered.
 */
export async function audited<T>(
  db: Services,
  { member, subject, requestId }: Requester,
  action: AuditAction,
  order: Omit<LockOrder, 'actor' | 'requestId'>,
  decide: (held: Held | null) => Promise<T>,
): Promise<T> {
  const actor = { fleetId: member.fleetId, subject }
  let ownerId: string | null = null
  try {
    return await withVehicle(db, { ...order, actor, requestId }, async (held) => {
      ownerId = held?.vehicle.ownerId ?? null
      return decide(held)
    })
  } catch (error) {
    const { vehicleId, sharingId } = order
    // What no id looks like names nothing that could be looked at later.
    if (!(error instanceof UserError) || !isId(vehicleId)) throw error
    const named = sharingId != null && isId(sharingId) ? sharingId : null
    const entry = { at: db.clock.now(), action, actor, vehicleId, sharingId: named, refusal: error.code, requestId }
    const entryOf = refused(entry, ownerId)
    // Each audience by itself: what only the one who asks will read takes nothing away from what others do.
    if (isToBeKept(db, entryOf.readers.join()))
      await db.query(RECORD, [JSON.stringify(auditRowsOf(entryOf).map(AUDIT.toJson))])
    throw error
  }
}

/** An entry, and its place in the trail: a later one has a higher number. */
export type TrailEntry = AuditEntry & { readonly position: number }

const NUMBERED = selectParts({ id: [{ sql: 'a.id', kind: 'integer' }], entry: AUDIT.of('a') })

const trail = (order: 'ASC' | 'DESC', name: string, where: string): Statement => ({
  name: `trail_${name}_${order.toLowerCase()}`,
  text: `SELECT ${NUMBERED.sql} FROM audit AS a
    WHERE reader_id = $1 AND id < $2::bigint AND id > $3::bigint ${where} ORDER BY id ${order} LIMIT $4`,
})
const ofAll = (order: 'ASC' | 'DESC') => trail(order, 'of_all', '')
const ofVehicle = (order: 'ASC' | 'DESC') => trail(order, 'of_vehicle', 'AND vehicle_id = $5')
const TRAIL = {
  forwards: { all: ofAll('DESC'), vehicle: ofVehicle('DESC') },
  backwards: { all: ofAll('ASC'), vehicle: ofVehicle('ASC') },
} as const

/** What a fleet may know of who did what, newest first. */
export async function readTrail(
  { query }: Services,
  fleetId: string,
  vehicleId: string | null,
  { after, before, limit, backwards }: Page<number>,
): Promise<TrailEntry[]> {
  if (vehicleId !== null && !isId(vehicleId)) return []
  const statements = TRAIL[backwards ? 'backwards' : 'forwards']
  const stretch = [fleetId, after ?? Number.MAX_SAFE_INTEGER, before ?? 0, limit]
  const rows = await (vehicleId === null
    ? query<Row>(statements.all, stretch)
    : query<Row>(statements.vehicle, [...stretch, vehicleId]))
  return rows.map((row) => {
    const values = NUMBERED.read(row)
    const { readerId: _reader, actorId, subject, ...entry } = AUDIT.decode(values, NUMBERED.at.entry)
    return {
      ...entry,
      position: Number(values[NUMBERED.at.id]),
      // The person's name is the fleet's own affair.
      actor: { fleetId: actorId, subject: actorId === fleetId ? subject : null },
    }
  })
}

const PRUNED_AT_ONCE = 2_000

const PRUNE: Statement = {
  name: 'prune_audit',
  text: `DELETE FROM audit WHERE id <= (
      SELECT max(id) FROM (SELECT id, at FROM audit ORDER BY id LIMIT ${PRUNED_AT_ONCE}) AS oldest
      WHERE at < clock_timestamp() - make_interval(secs => $1))
    RETURNING 1`,
}

/** Removes entries older than `keptMs`, at most 2,000, oldest first. @returns whether there may be more */
export const pruneAudit = async ({ query }: Services, keptMs: number): Promise<boolean> =>
  (await query(PRUNE, [keptMs / 1000])).length === PRUNED_AT_ONCE
