import { randomStreet, BLOCK_KM, nextStreet, positionOn } from './city.ts'
import type { Street } from './city.ts'
import { between } from './random.ts'
import type { Random } from './random.ts'

/** The state of a simulated vehicle, as its own hardware knows it. */
export type Car = {
  readonly id: string
  readonly street: Street
  /** 0 at the start of the street to 1 at its end. */
  readonly along: number
  readonly speedKmh: number
  readonly mileageKm: number
  readonly energyPercent: number
  /** Mopeds have none, and report none. */
  readonly hasLock: boolean
  readonly locked: boolean
  readonly drivingEnabled: boolean
  readonly ignition: boolean
  readonly charging: boolean
  /** The seconds until it parks or drives off. */
  readonly secondsLeft: number
}

const PERCENT_PER_KM = 0.4
/** Charging is far faster than with real vehicles, so that simulated ones soon drive again. */
const PERCENT_PER_CHARGED_SECOND = 0.5
const LOW_PERCENT = 12
const FULL_PERCENT = 96

/** A parked car at a random place of the city. */
export const newCar = (id: string, random: Random, hasLock = true): Car => ({
  id,
  street: randomStreet(random),
  along: random(),
  speedKmh: 0,
  mileageKm: Math.round(between(random, 500, 60_000)),
  energyPercent: between(random, 20, 95),
  hasLock,
  locked: true,
  drivingEnabled: false,
  ignition: false,
  charging: false,
  secondsLeft: between(random, 0, 60),
})

/** The car some seconds later: it drives along the streets, parks, and charges when its energy is low. */
export function advance(car: Car, seconds: number, random: Random): Car {
  const waited = { ...car, secondsLeft: car.secondsLeft - seconds }
  if (car.charging) return charge(waited, seconds)
  const next = waited.secondsLeft > 0 ? waited : startOrPark(waited, random)
  return next.ignition ? moveAlong(next, seconds, random) : next
}

function charge(car: Car, seconds: number): Car {
  const energyPercent = Math.min(car.energyPercent + seconds * PERCENT_PER_CHARGED_SECOND, 100)
  return { ...car, energyPercent, charging: energyPercent < FULL_PERCENT }
}

/** The share of stops at which the customer only pauses, for some seconds. */
const PAUSES = 0.3

/** A parked car starts to drive; a driving one is parked and locked, for a pause of its trip or after it. */
function startOrPark(car: Car, random: Random): Car {
  if (car.ignition) {
    const parked = { ...car, ignition: false, drivingEnabled: false, locked: true, speedKmh: 0 }
    const secondsLeft = random() < PAUSES ? between(random, 5, 15) : between(random, 20, 120)
    return { ...parked, charging: car.energyPercent < LOW_PERCENT, secondsLeft }
  }
  return { ...car, ignition: true, drivingEnabled: true, locked: false, secondsLeft: between(random, 60, 300) }
}

/** The car after driving on, at each crossing into another street; its speed changes at random, up to 50 km/h. */
function moveAlong(car: Car, seconds: number, random: Random): Car {
  const speedKmh = Math.max(0, Math.min(50, car.speedKmh + between(random, -12, 15)))
  const km = (speedKmh * seconds) / 3600
  let { street, along } = car
  for (along += km / BLOCK_KM; along >= 1; along -= 1) street = nextStreet(random, street)
  const energyPercent = Math.max(0, car.energyPercent - km * PERCENT_PER_KM)
  return { ...car, street, along, speedKmh, mileageKm: car.mileageKm + km, energyPercent }
}

const round = (value: number, digits: number) => Number(value.toFixed(digits))

/** The car's readings in the form of the mutation reportVehicleStates. */
export const readingsOf = (car: Car) => ({
  position: positionOn(car.street, car.along),
  speedKmh: round(car.speedKmh, 1),
  mileageKm: round(car.mileageKm, 2),
  energyPercent: round(car.energyPercent, 1),
  ...(car.hasLock ? { centralLock: car.locked ? 'LOCKED' : 'UNLOCKED' } : {}),
  drivingEnabled: car.drivingEnabled,
  ignition: car.ignition,
})

/** The car after a command, by the API's name of the command; null if the car cannot carry it out now. */
export function applyCommand(car: Car, command: string): Car | null {
  switch (command) {
    case 'LOCK_CENTRAL_LOCK':
      return car.speedKmh > 0 ? null : { ...car, locked: true }
    case 'UNLOCK_CENTRAL_LOCK':
      return { ...car, locked: false }
    case 'ENABLE_DRIVING':
      return { ...car, drivingEnabled: true }
    case 'DISABLE_DRIVING':
      return car.speedKmh > 0 ? null : { ...car, drivingEnabled: false, ignition: false }
    case 'UNLOCK_AND_ENABLE_DRIVING':
      return { ...car, locked: false, drivingEnabled: true }
    case 'LOCK_AND_DISABLE_DRIVING':
      return car.speedKmh > 0 ? null : { ...car, locked: true, drivingEnabled: false, ignition: false }
    default:
      return car
  }
}
