import type { OpenVehicle } from '../../data/services.ts'
import type { Sharing } from '../../domain/sharing.ts'
import type { Vehicle } from '../../domain/vehicle.ts'
import { builder } from '../base/builder.ts'

/** Types that refer to each other: each is implemented in the file of its name. */
export const VehicleType = builder.objectRef<Vehicle | OpenVehicle>('Vehicle')
export const SharingType = builder.objectRef<Sharing>('Sharing')
