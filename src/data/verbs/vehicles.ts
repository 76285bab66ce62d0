import { RequestError } from '../../domain/errors.ts'
import { seesAt } from '../../domain/access/access.ts'
import { useChanged, vehicleChanged } from '../../domain/log/event.ts'
import { hasRole } from '../../domain/fleet.ts'
import { changeUse, editVehicle, newVehicle } from '../../domain/vehicle.ts'
import type { UseOrder, Vehicle, VehiclePatch } from '../../domain/vehicle.ts'
import type { Services } from '../services.ts'
import { append } from '../decisions/commit.ts'
import { unlessTaken, withShortId } from './short-id.ts'
import { decide } from '../decisions/decide.ts'
import type { Requester } from '../decisions/decide.ts'
import { timestamp } from '../database/statement.ts'
import { EDITABLE, VEHICLE } from '../tables/vehicle.ts'
import type { Statement } from '../database/statement.ts'
import { factsOf } from '../decisions/lock.ts'
import type { VehicleDecision } from '../decisions/lock.ts'
import { commitAndHandOver } from './handovers.ts'
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
  return decide(services, by, { kind: 'update' }, orderOf(id), async (decision) => {
    const { tx, control, moment, events } = decision
    const vehicle = editVehicle(control.vehicle, patch)
    await tx.query(EDIT, [JSON.stringify(VEHICLE.toJson(vehicle)), id])
    events.push(vehicleChanged(vehicle, control.sharings, moment))
    // A vehicle that supports no command for a lock is idle without one.
    const after = await commitAndHandOver(decision, vehicle)
    return { ...vehicle, use: factsOf(after).use }
  })
}

/**
 * The fleet in control says that somebody is using the vehicle, or no longer is.
 * @returns null for a partner whose sharing this ended
 * @throws RequestError VEHICLE_NOT_FOUND, ROLE_NOT_SUFFICIENT; SharingConflictError SHARED_WITH_PARTNER; InputError at [reference]
 */
export async function setUse(
  services: Services,
  by: Requester,
  { vehicleId, ...order }: UseOrder & { readonly vehicleId: string },
): Promise<Vehicle | null> {
  const { fleetId } = by.member
  return decide(services, by, { kind: 'setUse' }, orderOf(vehicleId), async (decision) => {
    const { control, moment, changes, events } = decision
    const before = control.vehicle.use
    const use = changeUse(before, order, fleetId, moment.at)
    const vehicle = { ...control.vehicle, use }
    if (use !== before) changes.use = use
    if ((use === null) !== (before === null)) events.push(useChanged(vehicle, control.sharings, moment))
    const after = await commitAndHandOver(decision, vehicle)
    return seenAfter(fleetId, after)
  })
}

function seenAfter(fleetId: string, decision: VehicleDecision): Vehicle | null {
  const vehicle = { ...decision.vehicle, use: factsOf(decision).use }
  const sharings = (decision.control?.sharings ?? []).map(
    (sharing) => decision.changes.sharings.get(sharing.id)?.row ?? sharing,
  )
  return seesAt(fleetId, { vehicle, sharings }, decision.moment.at) ? vehicle : null
}

/** The row stays, unseen: its id is not given again, and the log goes on naming it. @throws UserError as in the contract */
export async function remove(services: Services, by: Requester, id: string): Promise<void> {
  return decide(services, by, { kind: 'delete' }, orderOf(id), async ({ tx, control, moment, events }) => {
    await tx.query(DELETE, [id, timestamp(moment.at)])
    events.push(vehicleChanged(control.vehicle, control.sharings, moment))
  })
}
