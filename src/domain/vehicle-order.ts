import type { Instant } from './period.ts'
import type { Vehicle } from './vehicle.ts'

/** Orders of a list of vehicles. Ties are broken by id, and a vehicle without the value comes last. */
export const VEHICLE_ORDERS = ['ID', 'LICENSE_PLATE', 'NAME', 'LAST_CONTACT'] as const
export type VehicleOrder = (typeof VEHICLE_ORDERS)[number]

/** The value of a vehicle in an order by text or by instant, and its id; the order by id has the id alone. */
export type VehicleKey = readonly [value: string | Instant | null, id: string]

export function keyOf(order: VehicleOrder, vehicle: Vehicle): VehicleKey {
  switch (order) {
    case 'ID':
      return [vehicle.id, vehicle.id]
    case 'LICENSE_PLATE':
      return [vehicle.licensePlate, vehicle.id]
    case 'NAME':
      return [vehicle.name, vehicle.id]
    case 'LAST_CONTACT':
      return [vehicle.lastContactAt, vehicle.id]
  }
}
