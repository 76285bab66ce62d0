import { InputError } from './errors.ts'
import type { Instant } from './period.ts'
import { checkText } from './text.ts'

/** A value with the instant at which the vehicle observed it. */
export type Reading<T> = { readonly value: T; readonly observedAt: Instant }

/** Degrees, WGS 84: latitude -90 to 90, longitude -180 to 180. */
export type Position = { readonly latitude: number; readonly longitude: number }

export const CENTRAL_LOCKS = ['LOCKED', 'UNLOCKED'] as const
export type CentralLock = (typeof CENTRAL_LOCKS)[number]

/** The properties that a vehicle can report. Energy is fuel or charge, 0 to 100. */
export type Values = {
  readonly position: Position
  readonly speedKmh: number
  readonly mileageKm: number
  readonly energyPercent: number
  readonly centralLock: CentralLock
  readonly drivingEnabled: boolean
  readonly ignition: boolean
}

/** The last known reading of each property, with its own time; null where none is known. */
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

/** Values observed at one instant; null or absent where there is none. */
export type Readings = { readonly [K in keyof Values]?: Values[K] | null | undefined }

/**
 * The state that these readings amount to. It is written out property by property because Object.fromEntries takes ten
 * times as long, and each STATE_RECORDED event that is read builds one.
 */
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

/** Merges property by property: an older reading changes nothing; at equal times the reading recorded later wins. */
export const mergeState = (known: VehicleState, reported: VehicleState): VehicleState =>
  Object.fromEntries(
    PROPERTIES.map((property) => {
      const [before, after] = [known[property], reported[property]]
      return [property, after && (!before || after.observedAt >= before.observedAt) ? after : before]
    }),
  ) as VehicleState

/** A gateway's message about one vehicle at one instant. */
export type Report = {
  readonly vehicleId: string
  /** The gateway's own id of the message, unique for the vehicle. */
  readonly messageId: string
  readonly occurredAt: Instant
  readonly readings: Readings
}

/** An instant as a gateway gave it, or the fault of a text that is none. */
export type ReportedInstant = Instant | { readonly fault: string }

/** A report as it was sent. */
export type SentReport = Omit<Report, 'occurredAt'> & { readonly occurredAt: ReportedInstant }

/** How far a device's clock may run ahead of ours, in milliseconds. Readings from that future count as observed now. */
export const CLOCK_TOLERANCE_MS = 5 * 60 * 1000

export const REPORTS_LIMIT = 1000

/** @throws InputError at [reports] unless there are 1 to REPORTS_LIMIT */
export function checkBatch(reports: readonly unknown[]): void {
  if (reports.length < 1 || reports.length > REPORTS_LIMIT) {
    throw new InputError(['reports'], `reports takes 1 to ${REPORTS_LIMIT} reports, not ${reports.length}.`)
  }
}

/**
 * Checks one report.
 * @param now by the database's clock
 * @throws InputError at the first field that is out of range; at [] if there are no readings
 */
export function checkReport(report: SentReport, now: Instant): asserts report is Report {
  const { messageId, occurredAt, readings } = report
  if (messageId === '') throw new InputError(['messageId'], 'messageId must not be empty.')
  checkText(messageId, ['messageId'])
  if (typeof occurredAt !== 'number') {
    throw new InputError(['occurredAt'], `occurredAt is not an instant: ${occurredAt.fault}.`)
  }
  if (occurredAt > now + CLOCK_TOLERANCE_MS) {
    throw new InputError(['occurredAt'], 'occurredAt is more than 5 minutes in the future.')
  }
  if (PROPERTIES.every((property) => readings[property] == null)) {
    throw new InputError([], 'A report needs at least one reading.')
  }
  const { position, speedKmh, mileageKm, energyPercent } = readings
  if (position) {
    checkRange('position.latitude', position.latitude, -90, 90)
    checkRange('position.longitude', position.longitude, -180, 180)
  }
  if (speedKmh != null) checkRange('speedKmh', speedKmh, 0, Infinity)
  if (mileageKm != null) checkRange('mileageKm', mileageKm, 0, Infinity)
  if (energyPercent != null) checkRange('energyPercent', energyPercent, 0, 100)
}

function checkRange(name: string, value: number, low: number, high: number): void {
  if (Number.isFinite(value) && value >= low && value <= high) return
  const range = high === Infinity ? `be a number and not negative` : `lie between ${low} and ${high}`
  throw new InputError(name.split('.'), `${name} must ${range}, not be ${value}.`)
}
