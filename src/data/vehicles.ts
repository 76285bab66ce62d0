import { relation, state } from '../domain/access/access.ts'
import { RequestError } from '../domain/errors.ts'
import { vehicleChanged } from '../domain/log/event.ts'
import { hasRole } from '../domain/fleet.ts'
import { editVehicle, newVehicle } from '../domain/vehicle.ts'
import type { Vehicle, VehiclePatch } from '../domain/vehicle.ts'
import type { Database } from './client.ts'
import { append } from './changes.ts'
import { withShortId } from './ids.ts'
import { withVehicle } from './lock.ts'
import type { LockOrder } from './lock.ts'
import { admit, refuseIf } from './sharings.ts'
import type { Requester } from './audit.ts'
import { timestamp } from './sql.ts'
import type { Statement } from './sql.ts'
import { countWritten } from './written.ts'

const COLUMNS = 'id, name, license_plate, vin, brand, model, supported_commands'
const INSERT: Statement = {
  name: 'insert_vehicle',
  text: `INSERT INTO vehicle (${COLUMNS}, owner_id, last_instant, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9) ON CONFLICT DO NOTHING RETURNING id`,
}
const EDIT: Statement = {
  name: 'edit_vehicle',
  text: `UPDATE vehicle SET name = $2, license_plate = $3, vin = $4, brand = $5, model = $6, supported_commands = $7
    WHERE id = $1`,
}
const DELETE: Statement = { name: 'delete_vehicle', text: 'UPDATE vehicle SET deleted_at = $2 WHERE id = $1' }

/** What people edit; the readings are written by reports alone. */
const edited = ({ id, name, licensePlate, vin, brand, model, supportedCommands }: Vehicle) => [
  id,
  name,
  licensePlate,
  vin,
  brand,
  model,
  [...supportedCommands],
]

/** @throws RequestError ROLE_NOT_SUFFICIENT, InputError */
export async function create(db: Database, { member, requestId }: Requester, fields: VehiclePatch): Promise<Vehicle> {
  if (!hasRole(member, 'MANAGER')) throw new RequestError('ROLE_NOT_SUFFICIENT')
  const draft = newVehicle('', member.fleetId, fields)
  const { vehicle, logged } = await withShortId((id) => insertVehicle(db, { ...draft, id }, requestId))
  countWritten(db.written, logged)
  db.appended(logged)
  return vehicle
}

/** @returns null if the id is taken */
async function insertVehicle(db: Database, vehicle: Vehicle, requestId: string) {
  return db.transaction(async (tx) => {
    const at = db.clock.now()
    if ((await tx.query(INSERT, [...edited(vehicle), vehicle.ownerId, timestamp(at)])).length === 0) return null
    return { vehicle, logged: await append(tx, [vehicleChanged(vehicle, [], { at, requestId })]) }
  })
}

/** The vehicle's row is written by itself, and so in one transaction with the rest. */
const ordered = ({ requestId }: Requester, vehicleId: string): LockOrder => ({
  vehicleId,
  requestId,
  handover: false,
  transactional: true,
})

/** @throws RequestError VEHICLE_NOT_FOUND, ROLE_NOT_SUFFICIENT, NOT_OWNER; InputError */
export async function update(db: Database, by: Requester, id: string, patch: VehiclePatch): Promise<Vehicle> {
  return withVehicle(db, ordered(by, id), async (held) => {
    const { tx, control, moment, events } = admit({ kind: 'update' }, by, held)
    refuseIf(relation({ kind: 'update' }, by.member, control, moment.at))
    const vehicle = editVehicle(control.vehicle, patch)
    await tx.query(EDIT, edited(vehicle))
    events.push(vehicleChanged(vehicle, control.sharings, moment))
    return vehicle
  })
}

/** The row stays, unseen: its id is not given again, and the log goes on naming it. @throws UserError as in the contract */
export async function remove(db: Database, by: Requester, id: string): Promise<void> {
  await withVehicle(db, ordered(by, id), async (held) => {
    const { tx, control, moment, events } = admit({ kind: 'delete' }, by, held)
    refuseIf(relation({ kind: 'delete' }, by.member, control, moment.at))
    refuseIf(state({ kind: 'delete' }, by.member, control, moment.at))
    await tx.query(DELETE, [id, timestamp(moment.at)])
    events.push(vehicleChanged(control.vehicle, control.sharings, moment))
  })
}
