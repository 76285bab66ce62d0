import type { Statement } from './pool.ts'

const COLUMNS = `v.id, v.owner_id, v.name, v.license_plate, v.vin, v.brand, v.model, v.supported_commands, v.latitude,
  v.longitude, v.position_at, v.speed_kmh, v.speed_at, v.mileage_km, v.mileage_at, v.energy_percent, v.energy_at,
  v.central_lock, v.central_lock_at, v.driving_enabled, v.driving_enabled_at, v.ignition, v.ignition_at`

export const IN_FORCE = `s.cancelled_at IS NULL AND s.starts_at <= now() AND (s.ends_at IS NULL OR s.ends_at > now())
  AND (s.ended_at IS NULL OR s.ended_at > now())`

/** Whether the fleet $1 may see the vehicle: as its owner, or as the partner of the sharing in force. */
const VISIBLE = `v.deleted_at IS NULL AND (v.owner_id = $1 OR EXISTS (
  SELECT FROM sharing AS s WHERE s.vehicle_id = v.id AND s.partner_id = $1 AND ${IN_FORCE}))`

/** The first $3 that the fleet $1 may see behind the id $2, by id: from two short lists, where an OR would read it all. */
const PAGE = `(
    (SELECT v.id FROM vehicle AS v WHERE v.owner_id = $1 AND v.deleted_at IS NULL AND v.id > $2 ORDER BY v.id LIMIT $3)
    UNION ALL
    (SELECT s.vehicle_id FROM sharing AS s WHERE s.partner_id = $1 AND s.vehicle_id > $2 AND ${IN_FORCE}
      ORDER BY s.vehicle_id LIMIT $3)
    ORDER BY id LIMIT $3
  ) AS page JOIN vehicle AS v ON v.id = page.id`

export const JOINED_COLUMNS = `${COLUMNS}, o.name AS owner_name, s.id AS sharing_id, s.partner_id, p.name AS partner_name,
  s.starts_at, s.ends_at`

export const JOINS = `JOIN fleet AS o ON o.id = v.owner_id LEFT JOIN sharing AS s ON s.vehicle_id = v.id AND ${IN_FORCE}
  LEFT JOIN fleet AS p ON p.id = s.partner_id`

export const FLEETS: Statement = { name: 'fleets', text: 'SELECT id, name FROM fleet WHERE id = ANY($1)' }

export const VEHICLE: Statement = {
  name: 'vehicle',
  text: `SELECT ${COLUMNS} FROM vehicle AS v WHERE v.id = $2 AND ${VISIBLE}`,
}

export const VEHICLES: Statement = {
  name: 'vehicles',
  text: `SELECT ${COLUMNS} FROM ${PAGE} ORDER BY v.id`,
}

/** The sharings in force of vehicles that the viewer may see, and so is a party to. */
export const SHARINGS: Statement = {
  name: 'sharings',
  text: `SELECT s.id AS sharing_id, s.vehicle_id, s.owner_id, s.partner_id, s.starts_at, s.ends_at FROM sharing AS s
    WHERE s.vehicle_id = ANY($1) AND ${IN_FORCE}`,
}

export const JOINED_VEHICLE: Statement = {
  name: 'joined_vehicle',
  text: `SELECT ${JOINED_COLUMNS} FROM vehicle AS v ${JOINS} WHERE v.id = $2 AND ${VISIBLE}`,
}

export const JOINED_VEHICLES: Statement = {
  name: 'joined_vehicles',
  text: `SELECT ${JOINED_COLUMNS} FROM ${PAGE} ${JOINS} ORDER BY v.id`,
}

export const EVENT_COLUMNS =
  'position, type, vehicle_id, owner_id, partner_id, occurred_at, recorded_at, request_id, facts'

/** The first $2 events of the fleet $1: from two index ranges, where an OR would read it all. */
export const EVENTS: Statement = {
  name: 'events',
  text: `(SELECT ${EVENT_COLUMNS} FROM event WHERE owner_id = $1 ORDER BY position LIMIT $2)
    UNION ALL (SELECT ${EVENT_COLUMNS} FROM event WHERE partner_id = $1 ORDER BY position LIMIT $2)
    ORDER BY position LIMIT $2`,
}
