import { InputError } from './errors.ts'
import type { Instant } from './period.ts'
import { checkText } from './text.ts'

/** A value, and when the vehicle observed it. */
export type Reading<T> = { readonly value: T; readonly observedAt: Instant }

/** Degrees, WGS 84: latitude -90 to 90, longitude -180 to 180. */
export type Position = { readonly latitude: number; readonly longitude: number }

export const CENTRAL_LOCKS = ['LOCKED', 'UNLOCKED'] as const
export type CentralLock = (typeof CENTRAL_LOCKS)[number]

/** What a vehicle can report. Speed in km/h, mileage in km, energy (fuel or charge) in percent. */
export type Values = {
  readonly position: Position
  readonly speedKmh: number
  readonly mileageKm: number
  readonly energyPercent: number
  readonly centralLock: CentralLock
  readonly drivingEnabled: boolean
  readonly ignition: boolean
}

/** The last known readings, each with its own time; null where none is known. */
export type VehicleState = { readonly [K in keyof Values]: Reading<Values[K]> | null }

export const UNKNOWN_STATE: VehicleState = {
  position: null,
  speedKmh: null,
  mileageKm: null,
  energyPercent: null,
  centralLock: null,
  drivingEnabled: null,
  ignition: null,
}

const PROPERTIES = Object.keys(UNKNOWN_STATE) as (keyof Values)[]

/** Readings that were taken together; null or absent where there is none. */
export type Readings = { readonly [K in keyof Values]?: Values[K] | null | undefined }

/** Property by property: making an object of entries takes ten times as long, and each event that is read makes one. */
export const stateOf = (readings: Readings, at: Instant): VehicleState => ({
  position: reading(readings.position, at),
  speedKmh: reading(readings.speedKmh, at),
  mileageKm: reading(readings.mileageKm, at),
  energyPercent: reading(readings.energyPercent, at),
  centralLock: reading(readings.centralLock, at),
  drivingEnabled: reading(readings.drivingEnabled, at),
  ignition: reading(readings.ignition, at),
})

const reading = <T>(value: T | null | undefined, observedAt: Instant): Reading<T> | null =>
  value == null ? null : { value, observedAt }

/** Each property by its own time: an older reading changes nothing, at equal times the one recorded later wins. */
export const mergeState = (known: VehicleState, reported: VehicleState): VehicleState =>
  Object.fromEntries(
    PROPERTIES.map((property) => {
      const [before, after] = [known[property], reported[property]]
      return [property, after && (!before || after.observedAt >= before.observedAt) ? after : before]
    }),
  ) as VehicleState

/** Whether control can pass without taking the vehicle from under somebody: it stands, is off and locked. */
export const isIdle = ({ speedKmh, ignition, centralLock }: VehicleState): boolean =>
  (speedKmh === null || speedKmh.value === 0) && ignition?.value === false && centralLock?.value === 'LOCKED'

/** What a gateway says of a vehicle at an instant. */
export type Report = {
  readonly vehicleId: string
  /** The gateway's own id of the message, unique for the vehicle. */
  readonly messageId: string
  readonly occurredAt: Instant
  readonly readings: Readings
}

/** Clocks of devices run ahead: up to this much is taken for now. Milliseconds. */
export const CLOCK_TOLERANCE_MS = 5 * 60 * 1000

export const REPORTS_LIMIT = 1000

/** @throws InputError at [reports] unless there are 1 to 1000 */
export function checkBatch(reports: readonly unknown[]): void {
  if (reports.length < 1 || reports.length > REPORTS_LIMIT) {
    throw new InputError(['reports'], `reports takes 1 to ${REPORTS_LIMIT} reports, not ${reports.length}.`)
  }
}

/**
 * @param now by the database's clock
 * @throws InputError at the first reading that no vehicle can have
 */
export function checkReport({ messageId, occurredAt, readings }: Report, now: Instant): void {
  if (messageId === '') throw new InputError(['messageId'], 'messageId must not be empty.')
  checkText(messageId, ['messageId'])
  if (occurredAt > now + CLOCK_TOLERANCE_MS) {
    throw new InputError(['occurredAt'], 'occurredAt is more than 5 minutes in the future.')
  }
  if (PROPERTIES.every((property) => readings[property] == null)) {
    throw new InputError([], 'A report needs at least one reading.')
  }
  const { position, speedKmh, mileageKm, energyPercent } = readings
  if (position) {
    within('position.latitude', position.latitude, -90, 90)
    within('position.longitude', position.longitude, -180, 180)
  }
  if (speedKmh != null) within('speedKmh', speedKmh, 0, Infinity)
  if (mileageKm != null) within('mileageKm', mileageKm, 0, Infinity)
  if (energyPercent != null) within('energyPercent', energyPercent, 0, 100)
}

function within(name: string, value: number, low: number, high: number): void {
  if (value >= low && value <= high) return
  const range = high === Infinity ? `not be negative` : `lie between ${low} and ${high}`
  throw new InputError(name.split('.'), `${name} must ${range}, not be ${value}.`)
}
