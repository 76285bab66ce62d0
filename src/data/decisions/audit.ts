import { LRUCache } from 'lru-cache'
import type { AuditEntry } from '../../domain/log/audit.ts'
import type { RefusalTrail, Services } from '../services.ts'
import type { Page } from '../queries/lists.ts'
import { isId } from '../tables/ids.ts'
import type { Query, Statement } from '../database/statement.ts'
import { AUDIT, auditRowsOf } from '../tables/audit.ts'
import { selectParts } from '../tables/record.ts'
import type { Row } from '../tables/kinds.ts'

const RECORD: Statement = {
  name: 'audit',
  text: `INSERT INTO audit (${AUDIT.names}) SELECT ${AUDIT.names} FROM jsonb_populate_recordset(NULL::audit, $1::jsonb)`,
}

/** Refusals recorded per minute for one audience, by each instance. */
const MOST_REFUSALS = 60
const COUNTED_AUDIENCES = 10_000

export function createRefusalTrail(query: Query): RefusalTrail {
  const counts = new LRUCache<string, number>({ max: COUNTED_AUDIENCES, ttl: 60_000, noUpdateTTL: true })
  return async (entry) => {
    // One count per audience: refusals that only the requester reads do not use up the count of other fleets.
    const audience = entry.readers.join()
    const number = (counts.get(audience) ?? 0) + 1
    counts.set(audience, number)
    if (number <= MOST_REFUSALS) await query(RECORD, [JSON.stringify(auditRowsOf(entry).map(AUDIT.toJson))])
  }
}

/** An entry with its position in the trail, which grows with time. */
export type TrailEntry = AuditEntry & { readonly position: number }

const NUMBERED = selectParts({ id: { sql: 'a.id', kind: 'integer' }, entry: AUDIT.of('a') })

/** As one range of an index, in its order: by id alone, the entries of all other fleets would be read, too. */
const trail = (order: 'ASC' | 'DESC', name: string, ahead: readonly string[], values: string): Statement => ({
  name: `trail_${name}_${order.toLowerCase()}`,
  text: `SELECT ${NUMBERED.sql} FROM audit AS a
    WHERE (${ahead.join(', ')}, id) < (${values}, $2::bigint) AND (${ahead.join(', ')}, id) > (${values}, $3::bigint)
    ORDER BY ${[...ahead, 'id'].map((column) => `${column} ${order}`).join(', ')} LIMIT $4`,
})
const ofAll = (order: 'ASC' | 'DESC') => trail(order, 'of_all', ['reader_id'], '$1')
const ofVehicle = (order: 'ASC' | 'DESC') => trail(order, 'of_vehicle', ['reader_id', 'vehicle_id'], '$1, $5')
const TRAILS = {
  forwards: { all: ofAll('DESC'), vehicle: ofVehicle('DESC') },
  backwards: { all: ofAll('ASC'), vehicle: ofVehicle('ASC') },
} as const

/** The audit trail as a fleet may read it, newest first. */
export async function readTrail(
  { query }: Services,
  fleetId: string,
  vehicleId: string | null,
  { after, before, limit, backwards }: Page<number>,
): Promise<TrailEntry[]> {
  if (vehicleId !== null && !isId(vehicleId)) return []
  const statements = TRAILS[backwards ? 'backwards' : 'forwards']
  const range = [fleetId, after ?? Number.MAX_SAFE_INTEGER, before ?? 0, limit]
  const rows = await (vehicleId === null
    ? query<Row>(statements.all, range)
    : query<Row>(statements.vehicle, [...range, vehicleId]))
  return rows.map((row) => {
    const { id, entry: found } = NUMBERED.read(row)
    const { readerId: _reader, actorId, subject, ...entry } = found
    return {
      ...entry,
      position: Number(id),
      // A fleet reads the names of its own people only.
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
