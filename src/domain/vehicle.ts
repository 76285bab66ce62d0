import { COMMAND_TYPES, inStandardOrder } from './command.ts'
import type { CommandType } from './command.ts'
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
    },
    fields,
  )
