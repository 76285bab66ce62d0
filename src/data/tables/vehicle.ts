import type { CentralLock, Reading, Position, VehicleState } from '../../domain/state.ts'
import type { Vehicle, VehicleUse } from '../../domain/vehicle.ts'
import { commandTypes } from './sharing.ts'
import type { Instant } from '../../domain/period.ts'
import type { Decode, Kind, Kinds } from './kinds.ts'
import { defineTable, fixed, group, mapped, nullable, required } from './table.ts'
import type { Field } from './table.ts'

/** A reading's value and its time; both are NULL, or neither is. */
const reading = <K extends Kind, T extends Kinds[K] = Kinds[K]>(
  kind: K,
  name: string,
  time: string,
): Field<Reading<T> | null> => ({
  columns: [
    { name, kind },
    { name: time, kind: 'instant' },
  ],
  decode: (value, observedAt) =>
    value === null || observedAt === null ? null : { value: value as T, observedAt: observedAt as Instant },
  encode: (known) => [known?.value ?? null, known?.observedAt ?? null],
  isFixed: false,
})

const position: Field<Reading<Position> | null> = {
  columns: [
    { name: 'latitude', kind: 'float' },
    { name: 'longitude', kind: 'float' },
    { name: 'position_at', kind: 'instant' },
  ],
  decode: ((latitude: number | null, longitude: number | null, observedAt: Instant | null) =>
    latitude === null || longitude === null || observedAt === null
      ? null
      : { value: { latitude, longitude }, observedAt }) as Decode<Reading<Position> | null>,
  encode: (known) => [known?.value.latitude ?? null, known?.value.longitude ?? null, known?.observedAt ?? null],
  isFixed: false,
}

export const VEHICLE = defineTable<Vehicle>('vehicle', {
  id: fixed(required('word', 'id')),
  ownerId: fixed(required('word', 'owner_id')),
  name: nullable('text', 'name'),
  licensePlate: nullable('text', 'license_plate'),
  vin: nullable('text', 'vin'),
  brand: nullable('text', 'brand'),
  model: nullable('text', 'model'),
  supportedCommands: mapped(required('words', 'supported_commands'), commandTypes, (types) => types),
  state: group<VehicleState>({
    position,
    speedKmh: reading('float', 'speed_kmh', 'speed_at'),
    mileageKm: reading('float', 'mileage_km', 'mileage_at'),
    energyPercent: reading('float', 'energy_percent', 'energy_at'),
    centralLock: reading<'word', CentralLock>('word', 'central_lock', 'central_lock_at'),
    drivingEnabled: reading('flag', 'driving_enabled', 'driving_enabled_at'),
    ignition: reading('flag', 'ignition', 'ignition_at'),
  }),
  lastContactAt: nullable('instant', 'last_contact_at'),
  use: mapped(
    nullable('json', 'use'),
    (use) => use as VehicleUse | null,
    (use) => use,
  ),
})

/** The properties that people edit; the readings are written by reports alone, the use by decisions. */
export const EDITABLE = ['name', 'licensePlate', 'vin', 'brand', 'model', 'supportedCommands'] as const

/** A new vehicle as Prisma takes it, without readings. */
export const toPrismaVehicle = ({ state: _state, lastContactAt: _contact, use: _use, ...vehicle }: Vehicle) => ({
  ...vehicle,
  supportedCommands: [...vehicle.supportedCommands],
})
