import type { Command } from '../../domain/command.ts'
import type { Sharing } from '../../domain/sharing.ts'
import { WITH_LOCK_TIMEOUT } from '../database/lock-timeout.ts'
import type { Query, Statement, Tx } from '../database/statement.ts'
import { batched } from '../queries/batch.ts'
import { FOUND, IS_OPEN, MAX_SILENCE_MS, OPEN_SHARING } from '../queries/open-vehicles.ts'
import type { SnapshotKey, ReadSnapshot, VehicleSnapshot } from '../services.ts'
import { COMMAND } from '../tables/command.ts'
import { isId } from '../tables/ids.ts'
import { givenThat, select, selectParts } from '../tables/record.ts'
import type { Row } from '../tables/kinds.ts'
import { SHARING } from '../tables/sharing.ts'
import { nonNull } from '../tables/table.ts'
import { VEHICLE } from '../tables/vehicle.ts'

export const LOCK: Statement = {
  name: 'lock',
  text: `SELECT v.owner_id FROM ${WITH_LOCK_TIMEOUT}, vehicle AS v WHERE v.id = $1 FOR UPDATE OF v`,
}

/** $1 and $2 are two fleets. Their partnership cannot be removed until the transaction ends. */
export const LOCK_PARTNERSHIP: Statement = {
  name: 'lock_partnership',
  text: 'SELECT 1 FROM partnership WHERE fleet_id = $1 AND partner_id = $2 FOR KEY SHARE',
}

const COLUMNS = selectParts({
  vehicle: VEHICLE.of('v'),
  sharing: givenThat(FOUND, SHARING.of('s')),
  /** The number of the key, from 1. */
  number: { sql: 'a.number', kind: 'integer' },
  version: { sql: 'v.xmin', kind: 'word' },
  lastInstant: { sql: 'v.last_instant', kind: 'instant' },
  maxSilence: MAX_SILENCE_MS,
  deleted: { sql: 'v.deleted_at IS NOT NULL', kind: 'flag' },
  now: { sql: 'extract(epoch FROM clock_timestamp())::float8 * 1000', kind: 'float' },
  arePartners: {
    sql: `a.fleet_id IS NOT NULL AND EXISTS (
      SELECT FROM partnership AS p WHERE p.fleet_id = v.owner_id AND p.partner_id = a.fleet_id
      OFFSET 0)`,
    kind: 'flag',
  },
  commands: {
    sql: `(SELECT jsonb_agg(to_jsonb(c) ORDER BY c.requested_at, c.id) FROM command AS c
      WHERE c.vehicle_id = v.id AND c.status IN ('PENDING', 'DISPATCHED'))`,
    kind: 'json',
  },
})

type Columns = ReturnType<typeof COLUMNS.read>

/**
 * Vehicles ($1), each with its open sharings and the named one ($2), open or not; its open commands; and whether its owner is a
 * partner of a fleet ($3). OFFSET 0 keeps PostgreSQL from hashing all partnerships for that. xmin changes with each change of
 * the row.
 */
const SNAPSHOT: Statement = {
  name: 'held',
  text: `SELECT ${COLUMNS.sql}
  FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS a(id, sharing_id, fleet_id, number)
    JOIN vehicle AS v ON v.id = a.id
    LEFT JOIN LATERAL (
      SELECT * FROM sharing AS s WHERE ${OPEN_SHARING}
      UNION ALL
      SELECT * FROM sharing AS s WHERE s.id = a.sharing_id AND s.vehicle_id = v.id AND NOT (${IS_OPEN})
    ) AS s ON TRUE`,
}

const ONE_SHARING = select(SHARING.of('s'))

const STORED_SHARING: Statement = {
  name: 'sharing',
  text: `SELECT ${ONE_SHARING.sql} FROM sharing AS s WHERE s.id = $1`,
}

const ONE_COMMAND = select(COMMAND.of('c'))

const STORED_COMMAND: Statement = {
  name: 'command',
  text: `SELECT ${ONE_COMMAND.sql} FROM command AS c WHERE c.id = $1`,
}

export function createSnapshots(query: Query): ReadSnapshot {
  const loader = batched((keys: readonly SnapshotKey[]) => readSnapshots(query, keys))
  return (key) => loader.load(key)
}

const idOrNull = (id: string | null | undefined): string | null => (id != null && isId(id) ? id : null)

/** Reads snapshots in one statement. @returns null for each vehicle that never existed */
export async function readSnapshots(query: Query, keys: readonly SnapshotKey[]): Promise<(VehicleSnapshot | null)[]> {
  const rows = await query<Row>(SNAPSHOT, [
    keys.map(({ vehicleId }) => idOrNull(vehicleId)),
    keys.map(({ sharingId }) => idOrNull(sharingId)),
    keys.map(({ partnerId }) => idOrNull(partnerId)),
  ])
  const read = performance.now()
  const found: (VehicleSnapshot & { sharings: Sharing[] })[] = []
  for (const row of rows) {
    const columns = COLUMNS.read(row)
    const snapshot = (found[Number(columns.number) - 1] ??= toSnapshot(columns, read))
    if (columns.sharing) snapshot.sharings.push(columns.sharing)
  }
  return keys.map((_, index) => found[index] ?? null)
}

/** A snapshot without its sharings. */
function toSnapshot(columns: Columns, read: number): VehicleSnapshot & { sharings: Sharing[] } {
  const { vehicle, maxSilence, deleted, lastInstant, version, now, arePartners, commands } = columns
  return {
    vehicle,
    maxSilenceMs: nonNull(maxSilence, 'the setting'),
    deleted: deleted === true,
    lastInstant: nonNull(lastInstant, 'last_instant'),
    version: nonNull(version, 'xmin'),
    now: nonNull(now, 'now'),
    read,
    arePartners: arePartners === true,
    sharings: [],
    commands: ((commands ?? []) as Row[]).map(COMMAND.fromJson),
  }
}

/** As it is snapshot, over or not. */
export async function storedSharing(tx: Tx, id: string): Promise<Sharing> {
  const [row] = await tx.query<Row>(STORED_SHARING, [id])
  if (!row) throw new Error('a sharing that is known is missing')
  return ONE_SHARING.read(row)
}

/** The command as it is stored, without its due steps. */
export async function storedCommand(tx: Tx, id: string): Promise<Command> {
  const [row] = await tx.query<Row>(STORED_COMMAND, [id])
  if (!row) throw new Error('a command that is known is missing')
  return ONE_COMMAND.read(row)
}
