import { RequestError } from '../../domain/errors.ts'
import { vehicleChanged } from '../../domain/log/event.ts'
import { hasRole } from '../../domain/fleet.ts'
import { editVehicle, newVehicle } from '../../domain/vehicle.ts'
import type { Vehicle, VehiclePatch } from '../../domain/vehicle.ts'
import type { Services } from '../services.ts'
import { append } from '../decisions/commit.ts'
import { unlessTaken, withShortId } from './short-id.ts'
import { decide } from '../decisions/decide.ts'
import type { Requester } from '../decisions/decide.ts'
import { timestamp } from '../database/statement.ts'
import { EDITABLE, VEHICLE } from '../tables/vehicle.ts'
import type { Statement } from '../database/statement.ts'
import { countWritten } from '../decisions/write-counters.ts'

const RECORD = 'jsonb_populate_record(NULL::vehicle, $1::jsonb) AS n'
const INSERT: Statement = {
  name: 'insert_vehicle',
  text: `INSERT INTO vehicle (${VEHICLE.names}, last_instant, created_at)
    SELECT ${VEHICLE.columns.map(({ name }) => `n.${name}`).join(', ')}, $2::timestamptz, $2::timestamptz FROM ${RECORD}
    ON CONFLICT DO NOTHING RETURNING id`,
}
const EDIT: Statement = {
  name: 'edit_vehicle',
  text: `UPDATE vehicle AS v SET ${VEHICLE.assignments('n', EDITABLE)} FROM ${RECORD} WHERE v.id = $2`,
}
const DELETE: Statement = { name: 'delete_vehicle', text: 'UPDATE vehicle SET deleted_at = $2 WHERE id = $1' }

/** @throws RequestError ROLE_NOT_SUFFICIENT, InputError */
export async function create(db: Services, { member, requestId }: Requester, fields: VehiclePatch): Promise<Vehicle> {
  if (!hasRole(member, 'MANAGER')) throw new RequestError('ROLE_NOT_SUFFICIENT')
  const draft = newVehicle('', member.fleetId, fields)
  const { vehicle, logged } = await withShortId((id) => unlessTaken(insertVehicle(db, { ...draft, id }, requestId)))
  countWritten(db.counters, logged)
  db.log.appended(logged)
  return vehicle
}

/** @returns null if the id is taken */
async function insertVehicle(db: Services, vehicle: Vehicle, requestId: string) {
  return db.transaction(async (tx) => {
    const at = db.clock.now()
    if ((await tx.query(INSERT, [JSON.stringify(VEHICLE.toJson(vehicle)), timestamp(at)])).length === 0) return null
    return { vehicle, logged: await append(tx, [vehicleChanged(vehicle, [], { at, requestId })]) }
  })
}

/** The vehicle's row is written by a statement of its own, in one transaction with the rest. */
const orderOf = (vehicleId: string) => ({ vehicleId, handover: false, transactional: true })

/** @throws RequestError VEHICLE_NOT_FOUND, ROLE_NOT_SUFFICIENT, NOT_OWNER; InputError */
export async function update(services: Services, by: Requester, id: string, patch: VehiclePatch): Promise<Vehicle> {
  return decide(services, by, { kind: 'update' }, orderOf(id), async ({ tx, control, moment, events }) => {
    const vehicle = editVehicle(control.vehicle, patch)
    await tx.query(EDIT, [JSON.stringify(VEHICLE.toJson(vehicle)), id])
    events.push(vehicleChanged(vehicle, control.sharings, moment))
    return vehicle
  })
}

/** The row stays, unseen: its id is not given again, and the log goes on naming it. @throws UserError as in the contract */
export async function remove(services: Services, by: Requester, id: string): Promise<void> {
  return decide(services, by, { kind: 'delete' }, orderOf(id), async ({ tx, control, moment, events }) => {
    await tx.query(DELETE, [id, timestamp(moment.at)])
    events.push(vehicleChanged(control.vehicle, control.sharings, moment))
  })
}
