import { LRUCache } from 'lru-cache'
import { auditOfRefusal } from '../domain/log/audit.ts'
import type { AuditAction, AuditEntry } from '../domain/log/audit.ts'
import { UserError } from '../domain/errors.ts'
import type { ErrorCode } from '../domain/errors.ts'
import type { Member } from '../domain/fleet.ts'
import type { Instant } from '../domain/period.ts'
import { auditing, auditRows } from './audit-rows.ts'
import type { Database } from './client.ts'
import type { Page } from './lists.ts'
import { withVehicle } from './lock.ts'
import type { Held, LockOrder } from './lock.ts'
import { isId } from './rows.ts'
import type { Statement } from './sql.ts'

const RECORD: Statement = { name: 'audit', text: auditing('jsonb_populate_recordset(NULL::audit, $1::jsonb)') }

/** Of one fleet's refusals so many are kept for an audience in a minute, by each instance: more tell nothing more. */
const MOST_REFUSALS = 60
const COUNTED_FLEETS = 10_000
const refusals = new WeakMap<Database, LRUCache<string, number>>()

function isToBeKept(db: Database, whose: string): boolean {
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
  db: Database,
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
    const entryOf = auditOfRefusal(entry, ownerId)
    // Each audience by itself: what only the one who asks will read takes nothing away from what others do.
    if (isToBeKept(db, entryOf.readers.join())) await db.query(RECORD, [JSON.stringify(auditRows([entryOf]))])
    throw error
  }
}

type AuditRow = {
  readonly id: string
  readonly at: Instant
  readonly action: AuditAction
  readonly actor_id: string
  readonly subject: string | null
  readonly vehicle_id: string
  readonly sharing_id: string | null
  readonly refusal: ErrorCode | null
  readonly request_id: string
}

/** An entry, and its place in the trail: a later one has a higher number. */
export type TrailEntry = AuditEntry & { readonly position: number }

const trail = (order: 'ASC' | 'DESC', name: string, where: string): Statement => ({
  name: `trail_${name}_${order.toLowerCase()}`,
  text: `SELECT id, at, action, actor_id, subject, vehicle_id, sharing_id, refusal, request_id FROM audit
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
  { query }: Database,
  fleetId: string,
  vehicleId: string | null,
  { after, before, limit, backwards }: Page<number>,
): Promise<TrailEntry[]> {
  if (vehicleId !== null && !isId(vehicleId)) return []
  const statements = TRAIL[backwards ? 'backwards' : 'forwards']
  const stretch = [fleetId, after ?? Number.MAX_SAFE_INTEGER, before ?? 0, limit]
  const rows = await (vehicleId === null
    ? query<AuditRow>(statements.all, stretch)
    : query<AuditRow>(statements.vehicle, [...stretch, vehicleId]))
  return rows.map((row) => ({
    position: Number(row.id),
    at: row.at,
    action: row.action,
    // Who it was by name is the fleet's own affair.
    actor: { fleetId: row.actor_id, subject: row.actor_id === fleetId ? row.subject : null },
    vehicleId: row.vehicle_id,
    sharingId: row.sharing_id,
    refusal: row.refusal,
    requestId: row.request_id,
  }))
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
export const pruneAudit = async ({ query }: Database, keptMs: number): Promise<boolean> =>
  (await query(PRUNE, [keptMs / 1000])).length === PRUNED_AT_ONCE
