import type { Instant } from './period.ts'
import type { Vehicle } from './vehicle.ts'

/** Orders of a list of vehicles. Ties are broken by id, and a vehicle without the value comes last. */
export const VEHICLE_ORDERS = ['ID', 'LICENSE_PLATE', 'NAME', 'LAST_CONTACT'] as const
export type VehicleOrder = (typeof VEHICLE_ORDERS)[number]

/** The value of a vehicle in an order by text or by instant, and its id; the order by id has the id alone. */
export type VehicleKey = readonly [value: string | Instant | null, id: string]

/** When the vehicle was last heard of: each report has a reading, so it is the time of the latest; null for never. */
const lastContactOf = ({ state }: Vehicle): Instant | null =>
  Object.values(state).reduce<Instant | null>(
    (latest, reading) => (reading && (latest === null || reading.observedAt > latest) ? reading.observedAt : latest),
    null,
  )

export function keyOf(order: VehicleOrder, vehicle: Vehicle): VehicleKey {
  switch (order) {
    case 'ID':
      return [vehicle.id, vehicle.id]
    case 'LICENSE_PLATE':
      return [vehicle.licensePlate, vehicle.id]
    case 'NAME':
      return [vehicle.name, vehicle.id]
    case 'LAST_CONTACT':
      return [lastContactOf(vehicle), vehicle.id]
  }
}
