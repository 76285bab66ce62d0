import { relation, state } from '../domain/access.ts'
import { RequestError } from '../domain/errors.ts'
import { vehicleChanged } from '../domain/event.ts'
import { hasRole } from '../domain/fleet.ts'
import { editVehicle, newVehicle } from '../domain/vehicle.ts'
import type { Vehicle, VehiclePatch } from '../domain/vehicle.ts'
import type { Database } from './client.ts'
import { withShortId } from './ids.ts'
import { withVehicle } from './lock.ts'
import { append } from './log.ts'
import { fromVehicle } from './rows.ts'
import { admit, refuseIf } from './sharings.ts'
import type { Requester } from './sharings.ts'

/** @throws RequestError ROLE_NOT_SUFFICIENT, InputError */
export async function create(db: Database, { member, requestId }: Requester, fields: VehiclePatch): Promise<Vehicle> {
  if (!hasRole(member, 'MANAGER')) throw new RequestError('ROLE_NOT_SUFFICIENT')
  const draft = newVehicle('', member.fleetId, fields)
  const vehicle = await withShortId((id) => insertVehicle(db, { ...draft, id }, requestId))
  db.appended()
  return vehicle
}

/** @returns null if the id is taken */
async function insertVehicle(db: Database, vehicle: Vehicle, requestId: string): Promise<Vehicle | null> {
  return db.prisma.$transaction(async (tx) => {
    const at = db.clock.now()
    const { count } = await tx.vehicle.createMany({
      data: [{ ...fromVehicle(vehicle), lastInstant: new Date(at), createdAt: new Date(at) }],
      skipDuplicates: true,
    })
    if (count === 0) return null
    await append(tx, [vehicleChanged(vehicle, [], { at, requestId })])
    return vehicle
  })
}

/** @throws RequestError VEHICLE_NOT_FOUND, ROLE_NOT_SUFFICIENT, NOT_OWNER; InputError */
export async function update(db: Database, by: Requester, id: string, patch: VehiclePatch): Promise<Vehicle> {
  return withVehicle(db, { vehicleId: id, requestId: by.requestId, handover: false }, async (held) => {
    const { tx, control, moment, events } = admit({ kind: 'update' }, by, held)
    refuseIf(relation({ kind: 'update' }, by.member, control, moment.at))
    const vehicle = editVehicle(control.vehicle, patch)
    await tx.vehicle.update({ where: { id }, data: fromVehicle(vehicle), select: { id: true } })
    events.push(vehicleChanged(vehicle, control.sharings, moment))
    return vehicle
  })
}

/** The row stays, unseen: its id is not given again, and the log goes on naming it. @throws UserError as in the contract */
export async function remove(db: Database, by: Requester, id: string): Promise<void> {
  await withVehicle(db, { vehicleId: id, requestId: by.requestId, handover: false }, async (held) => {
    const { tx, control, moment, events } = admit({ kind: 'delete' }, by, held)
    refuseIf(relation({ kind: 'delete' }, by.member, control, moment.at))
    refuseIf(state({ kind: 'delete' }, by.member, control, moment.at))
    await tx.vehicle.update({ where: { id }, data: { deletedAt: new Date(moment.at) }, select: { id: true } })
    events.push(vehicleChanged(control.vehicle, control.sharings, moment))
  })
}
