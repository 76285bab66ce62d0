import { COMMAND_TYPES, inStandardOrder } from './command.ts'
import type { CommandType } from './command.ts'
import type { Instant } from './period.ts'
import { UNKNOWN_STATE } from './state.ts'
import type { VehicleState } from './state.ts'
import { checkText } from './text.ts'

export type Vehicle = {
  readonly id: string
  readonly ownerId: string
  readonly name: string | null
  readonly licensePlate: string | null
  readonly vin: string | null
  readonly brand: string | null
  readonly model: string | null
  readonly supportedCommands: readonly CommandType[]
  readonly state: VehicleState
  /** The latest instant of its reports, as recorded; null for a vehicle that was never heard of. */
  readonly lastContactAt: Instant | null
  /** Set while the fleet in control says that somebody is using it. */
  readonly use: VehicleUse | null
}

export type VehicleUse = {
  readonly since: Instant
  /** The fleet that says so. */
  readonly fleetId: string
  /** That fleet's own note, which no other fleet reads. */
  readonly reference: string | null
}

const TEXTS = ['name', 'licensePlate', 'vin', 'brand', 'model'] as const

/**
 * Changes to a vehicle: absent fields stay, null clears. `supportedCommands: null` means all commands, an empty list
 * none.
 */
export type VehiclePatch = { readonly [K in (typeof TEXTS)[number]]?: string | null | undefined } & {
  readonly supportedCommands?: readonly CommandType[] | null | undefined
}

/**
 * The vehicle with the changes applied.
 * @throws InputError at the name of the field whose text is too long or not Unicode
 */
export function editVehicle(vehicle: Vehicle, patch: VehiclePatch): Vehicle {
  const texts = Object.fromEntries(
    TEXTS.filter((field) => patch[field] !== undefined).map((field) => {
      const text = patch[field] ?? null
      return [field, text === null ? null : checkText(text, [field])]
    }),
  )
  const { supportedCommands } = patch
  if (supportedCommands === undefined) return { ...vehicle, ...texts }
  return { ...vehicle, ...texts, supportedCommands: inStandardOrder(supportedCommands ?? COMMAND_TYPES) }
}

/**
 * A vehicle that supports every command and has no readings, with the given fields.
 * @throws InputError like editVehicle
 */
export const newVehicle = (id: string, ownerId: string, fields: VehiclePatch): Vehicle =>
  editVehicle(
    {
      id,
      ownerId,
      name: null,
      licensePlate: null,
      vin: null,
      brand: null,
      model: null,
      supportedCommands: COMMAND_TYPES,
      state: UNKNOWN_STATE,
      lastContactAt: null,
      use: null,
    },
    fields,
  )

export type UseOrder = {
  readonly inUse: boolean
  /** undefined keeps the one that is there, null clears it. */
  readonly reference?: string | null | undefined
}

/**
 * The use of a vehicle after the fleet in control has set or cleared it. What is said again changes nothing but a given
 * reference: `use` itself is returned, or one with the same `since`.
 * @throws InputError at [reference], also where it is dropped
 */
export function changeUse(
  use: VehicleUse | null,
  { inUse, reference }: UseOrder,
  fleetId: string,
  at: Instant,
): VehicleUse | null {
  const checked = reference == null ? reference : checkText(reference, ['reference'])
  if (!inUse) return null
  if (use === null) return { since: at, fleetId, reference: checked ?? null }
  return checked === undefined || checked === use.reference ? use : { ...use, reference: checked }
}
