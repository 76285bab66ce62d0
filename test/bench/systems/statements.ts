import type { Statement } from './pool.ts'

/** The columns of each kind of reading, the last one its time. */
const READINGS = [
  ['latitude', 'longitude', 'position_at'],
  ['speed_kmh', 'speed_at'],
  ['mileage_km', 'mileage_at'],
  ['energy_percent', 'energy_at'],
  ['central_lock', 'central_lock_at'],
  ['driving_enabled', 'driving_enabled_at'],
  ['ignition', 'ignition_at'],
] as const

const ms = (column: string) => `floor(extract(epoch FROM ${column}) * 1000)::bigint`

/** The readings known, as a sharing keeps them from the moment at which control passes. */
const SNAPSHOT = `jsonb_build_object(
  'position', CASE WHEN v.position_at IS NOT NULL THEN jsonb_build_object('value',
    jsonb_build_object('latitude', v.latitude, 'longitude', v.longitude), 'observedAt', ${ms('v.position_at')}) END,
  ${(
    [
      ['speedKmh', 'speed_kmh', 'speed_at'],
      ['mileageKm', 'mileage_km', 'mileage_at'],
      ['energyPercent', 'energy_percent', 'energy_at'],
      ['centralLock', 'central_lock', 'central_lock_at'],
      ['drivingEnabled', 'driving_enabled', 'driving_enabled_at'],
      ['ignition', 'ignition', 'ignition_at'],
    ] as const
  )
    .map(
      ([name, value, at]) => `'${name}', CASE WHEN v.${at} IS NOT NULL THEN
    jsonb_build_object('value', v.${value}, 'observedAt', ${ms(`v.${at}`)}) END`,
    )
    .join(', ')})`

/** The vehicle, whose row is locked, with the instant of what is done to it: later than all before. */
const VEHICLE_NOW = `v AS MATERIALIZED (
  SELECT *, GREATEST(date_trunc('milliseconds', clock_timestamp()), last_instant + interval '1 millisecond') AS at
  FROM vehicle WHERE id = $1)`

const KEEP_INSTANT = 'kept AS (UPDATE vehicle SET last_instant = v.at FROM v WHERE vehicle.id = v.id)'

const EVENT_COLUMNS = `type, vehicle_id, owner_id, partner_id, occurred_at, recorded_at, request_id, sharing_id, command_id,
  facts`

const CANCELLED = `cancelled AS (
  UPDATE command SET status = 'CANCELLED_BY_HANDOVER', completed_at = v.at FROM v
  WHERE command.vehicle_id = v.id AND command.status = 'PENDING' RETURNING command.*)`

/** The event of a sharing, and those of the commands that its handover cancels. */
const handoverEvents = (type: string) => `e AS (
  INSERT INTO event (${EVENT_COLUMNS})
  SELECT '${type}', s.vehicle_id, s.owner_id, s.partner_id, v.at, v.at, $2, s.id, NULL,
    jsonb_build_object('endsAt', ${ms('s.ends_at')}, 'endReason', s.end_reason) FROM s, v
  UNION ALL
  SELECT 'COMMAND_UPDATED', c.vehicle_id, c.owner_id, NULLIF(c.fleet_id, c.owner_id), v.at, v.at, $2, NULL, c.id,
    jsonb_build_object('status', c.status) FROM cancelled AS c, v
  RETURNING *)`

/** The entries of the audit trail, one for each of the fleets that may read the event. */
const audited = (action: string, actor: string, from: string, readers: string, sharing: string) => `audited AS (
  INSERT INTO audit (reader_id, at, action, actor_id, vehicle_id, sharing_id, request_id)
  SELECT reader, v.at, '${action}', ${actor}, v.id, ${sharing}, $2 FROM v, ${from}, unnest(${readers}) AS reader)`

const PARTIES = 'ARRAY[s.owner_id, s.partner_id]'

/** Locks the vehicle. What the locking statement sees of other tables may be from before it waited. */
export const LOCK: Statement = {
  name: 'lock',
  text: 'SELECT owner_id, supported_commands FROM vehicle WHERE id = $1 AND deleted_at IS NULL FOR UPDATE',
}

export const PARTNERS: Statement = {
  name: 'partners',
  text: 'SELECT FROM partnership WHERE fleet_id = $1 AND partner_id = $2',
}

/** $1 vehicle, $2 request, $3 partner, $4 due end, $5 the sharing's id. */
export const START: Statement = {
  name: 'start',
  text: `WITH ${VEHICLE_NOW}, s AS (
    INSERT INTO sharing (id, vehicle_id, owner_id, partner_id, starts_at, ends_at, start_recorded, handover, created_at)
    SELECT $5, v.id, v.owner_id, $3, v.at, $4, TRUE, ${SNAPSHOT}, v.at FROM v RETURNING *
  ), ${KEEP_INSTANT}, ${CANCELLED}, ${handoverEvents('SHARING_STARTED')},
  ${audited('START_SHARING', 's.owner_id', 's', PARTIES, 's.id')}
  SELECT e.*, s.starts_at, s.ends_at, p.name AS partner_name FROM e, s JOIN fleet AS p ON p.id = s.partner_id`,
}

/** $1 vehicle, $2 request, $3 the fleet that ends it. */
export const END: Statement = {
  name: 'end',
  text: `WITH ${VEHICLE_NOW}, s AS (
    UPDATE sharing SET ended_at = v.at, returned = ${SNAPSHOT},
      end_reason = CASE WHEN sharing.owner_id = $3 THEN 'ENDED_BY_OWNER' ELSE 'ENDED_BY_PARTNER' END
    FROM v WHERE sharing.vehicle_id = v.id AND $3 IN (sharing.owner_id, sharing.partner_id)
      AND sharing.cancelled_at IS NULL AND sharing.ended_at IS NULL AND sharing.starts_at < v.at
      AND (sharing.ends_at IS NULL OR sharing.ends_at > v.at)
    RETURNING sharing.*
  ), ${KEEP_INSTANT}, ${CANCELLED}, ${handoverEvents('SHARING_ENDED')},
  ${audited('END_SHARING', '$3', 's', PARTIES, 's.id')}
  SELECT e.*, s.id AS ended_id, s.ended_at, s.end_reason FROM e, s`,
}

/** Who controls a vehicle by a sharing: $1. */
export const CONTROL: Statement = {
  name: 'control',
  text: `SELECT id, partner_id, allowed_commands FROM sharing WHERE vehicle_id = $1 AND cancelled_at IS NULL
    AND starts_at <= now() AND (ends_at IS NULL OR ends_at > now()) AND (ended_at IS NULL OR ended_at > now())`,
}

/** $1 vehicle, $2 request, $3 the command's id, $4 type, $5 seconds, $6 the fleet that sends it, $7 its sharing. */
export const SEND: Statement = {
  name: 'send',
  text: `WITH ${VEHICLE_NOW}, c AS (
    INSERT INTO command (id, type, status, vehicle_id, owner_id, fleet_id, sharing_id, requested_at, deadline)
    SELECT $3, $4, 'PENDING', v.id, v.owner_id, $6, $7, v.at, v.at + $5 * interval '1 second' FROM v RETURNING *
  ), ${KEEP_INSTANT}, e AS (
    INSERT INTO event (${EVENT_COLUMNS})
    SELECT 'COMMAND_UPDATED', c.vehicle_id, c.owner_id, NULLIF(c.fleet_id, c.owner_id), v.at, v.at, $2, NULL, c.id,
      jsonb_build_object('status', c.status) FROM c, v RETURNING *
  ), ${audited('SEND_COMMAND', '$6', 'c', 'array_remove(ARRAY[c.owner_id, NULLIF(c.fleet_id, c.owner_id)], NULL)', 'NULL')}
  SELECT e.*, c.type AS command_type, c.status, c.requested_at, c.deadline FROM e, c`,
}

/** Always in this order, so that two batches never wait for each other crosswise. */
export const LOCK_ALL: Statement = {
  name: 'lock_all',
  text: 'SELECT id FROM vehicle WHERE id = ANY($1) AND deleted_at IS NULL ORDER BY id FOR UPDATE',
}

const newest = READINGS.map((columns) => {
  const [first, ...rest] = columns
  const at = columns.at(-1) ?? ''
  const known = `FILTER (WHERE ${first} IS NOT NULL)`
  const values = [first, ...rest.slice(0, -1)]
  return [
    ...values.map((column) => `(array_agg(${column} ORDER BY at DESC, index DESC) ${known})[1] AS ${column}`),
    `max(at) ${known} AS ${at}`,
  ].join(', ')
}).join(', ')

const merged = READINGS.map((columns) => {
  const at = columns.at(-1) ?? ''
  return columns
    .map((column) =>
      column === at
        ? `${at} = GREATEST(n.${at}, v.${at})`
        : `${column} = CASE WHEN n.${at} >= COALESCE(v.${at}, '-infinity') THEN n.${column} ELSE v.${column} END`,
    )
    .join(', ')
}).join(', ')

/**
 * $1 the reports as JSON, $2 request. Skips what is known, merges each reading by its time, appends the events. The log is in
 * partitions, of which each has an index of its messages: there is none over all for ON CONFLICT.
 */
export const RECORD: Statement = {
  name: 'record',
  text: `WITH report AS MATERIALIZED (
    SELECT r.*, v.owner_id, date_trunc('milliseconds', clock_timestamp()) AS now,
      LEAST(r."occurredAt", date_trunc('milliseconds', clock_timestamp())) AS at
    FROM jsonb_to_recordset($1::jsonb) AS r (index INT, "vehicleId" TEXT, "messageId" TEXT, "occurredAt" TIMESTAMPTZ(3),
      latitude FLOAT8, longitude FLOAT8, speed_kmh FLOAT8, mileage_km FLOAT8, energy_percent FLOAT8, central_lock TEXT,
      driving_enabled BOOLEAN, ignition BOOLEAN, facts JSONB)
    JOIN vehicle AS v ON v.id = r."vehicleId"
    WHERE NOT EXISTS (SELECT FROM event AS k WHERE k.vehicle_id = r."vehicleId" AND k.message_id = r."messageId" OFFSET 0)
  ), logged AS (
    INSERT INTO event (${EVENT_COLUMNS}, message_id)
    SELECT 'STATE_RECORDED', "vehicleId", report.owner_id, s.partner_id, at, now, $2, NULL, NULL, report.facts, "messageId"
    FROM report LEFT JOIN sharing AS s ON s.vehicle_id = "vehicleId" AND s.cancelled_at IS NULL AND s.starts_at <= at
      AND (s.ends_at IS NULL OR s.ends_at > at) AND (s.ended_at IS NULL OR s.ended_at > at)
    ORDER BY index RETURNING *
  ), fresh AS MATERIALIZED (
    SELECT report.* FROM report JOIN logged ON logged.vehicle_id = "vehicleId" AND logged.message_id = "messageId"
  ), n AS (
    SELECT "vehicleId" AS id, max(now) AS now, ${newest} FROM fresh GROUP BY "vehicleId"
  ), kept AS (
    UPDATE vehicle AS v SET last_instant = GREATEST(v.last_instant, n.now), ${merged} FROM n WHERE v.id = n.id
  )
  SELECT * FROM logged`,
}
