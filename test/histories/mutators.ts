import { setTimeout as sleep } from 'node:timers/promises'
import { between } from '../../src/simulator/random.ts'
import type { Random } from '../../src/simulator/random.ts'
import type { Variables } from '../support/api.ts'
import { iso } from '../support/world.ts'
import { other, settle } from './caller.ts'
import type { Order } from './caller.ts'
import type { Call, Instant, Vehicle } from './history.ts'
import { chance, oneOf, streamOf, whole } from './random.ts'
import { anySide } from './stage.ts'
import type { Stage } from './stage.ts'

export const MOST_PAUSE_MS = 50
const COMMANDS = ['UNLOCK_CENTRAL_LOCK', 'LOCK_CENTRAL_LOCK', 'DRAW_ATTENTION', 'REQUEST_VEHICLE_STATE'] as const

type Act = (stage: Stage, random: Random) => Promise<void>

/** Everybody who changes something over HTTP, until the stage is over. Gateways have a file of their own. */
export async function mutate(stage: Stage): Promise<void> {
  const roles: readonly (readonly [string, Act])[] = [
    ['director 1', direct],
    ['director 2', direct],
    ['sender 1', sendCommand],
    ['sender 2', sendCommand],
    ['editor', edit],
    ['driver', drive],
    ['reporter 1', report],
    ['reporter 2', report],
  ]
  await Promise.all(
    roles.map(async ([name, act]) => {
      const random = streamOf(stage.seed, name)
      while (stage.going()) {
        await act(stage, random)
        await sleep(between(random, 0, MOST_PAUSE_MS))
      }
    }),
  )
}

export const managerOf = ({ world }: Stage, fleetId: string) => ({ fleetId, token: world.managers.get(fleetId) ?? '' })

/** The sharing that should be in force or scheduled; it may be otherwise. */
export function believed({ sharings }: Stage, { id }: Vehicle) {
  const known = sharings.get(id)
  return known && Date.now() < known.until ? known : null
}

/** Who is said to have it, or any of both sides. */
function partyOf(stage: Stage, random: Random, vehicle: Vehicle, likely: number): string {
  const { ownerId } = vehicle
  const controller = believed(stage, vehicle)?.partnerId ?? ownerId
  return chance(random, likely) ? controller : oneOf(random, [ownerId, ...stage.world.partnersOf(ownerId)])
}

/** Mostly does what makes sense, as far as is known. */
async function direct(stage: Stage, random: Random): Promise<void> {
  const vehicle = oneOf(random, stage.world.vehicles)
  const [starts, moves] = believed(stage, vehicle) ? [0.1, 0.35] : [0.8, 0.9]
  const roll = random()
  if (roll < starts) await start(stage, random, vehicle)
  else if (roll < moves) await move(stage, random, vehicle)
  else await end(stage, random, vehicle)
}

async function start(stage: Stage, random: Random, vehicle: Vehicle): Promise<void> {
  const scheduled = chance(random, 0.3)
  const startsAt = Date.now() + (scheduled ? whole(random, 100, 800) : 0)
  const endsAt = chance(random, 0.6) ? startsAt + whole(random, 150, 1_500) : null
  await lend(stage, random, vehicle, { startsAt: scheduled ? startsAt : null, endsAt })
}

/** @param period from now on without a start, for ever without an end */
export async function lend(
  stage: Stage,
  random: Random,
  { id: vehicleId, ownerId }: Vehicle,
  { startsAt, endsAt }: { readonly startsAt: Instant | null; readonly endsAt: Instant | null },
): Promise<void> {
  const fleetId = oneOf(random, stage.world.partnersOf(ownerId))
  const order: Order = {
    name: 'startSharing',
    ...managerOf(stage, ownerId),
    side: anySide(random),
    input: {
      vehicleId,
      fleetId,
      ...(startsAt === null ? {} : { startsAt: iso(startsAt) }),
      ...(endsAt === null ? {} : { endsAt: iso(endsAt) }),
      ...policiesOf(random, endsAt),
      ...(chance(random, 0.2) ? { allowedCommands: COMMANDS.slice(0, whole(random, 1, 3)) } : {}),
      idempotencyKey: keyOf(random),
    },
  }
  const { answer } = await keyed(stage, random, order)
  if (answer.kind === 'success') {
    const { id } = answer.result['sharing'] as { id: string }
    stage.sharings.set(vehicleId, { id, partnerId: fleetId, until: endsAt ?? Infinity })
  }
}

/** Mostly on time; an end that may wait does so for less than a second. */
const policiesOf = (random: Random, endsAt: Instant | null) => ({
  ...(chance(random, 0.3) ? { startPolicy: 'WHEN_IDLE' } : {}),
  ...(endsAt !== null && chance(random, 0.4)
    ? { endPolicy: 'WHEN_IDLE', latestEndsAt: iso(endsAt + whole(random, 0, 800)) }
    : {}),
})

/** Somebody takes a vehicle, or brings it back. */
async function drive(stage: Stage, random: Random): Promise<void> {
  const vehicle = oneOf(random, stage.world.vehicles)
  await stage.caller.call({
    name: 'setVehicleUse',
    ...managerOf(stage, partyOf(stage, random, vehicle, 0.8)),
    side: anySide(random),
    input: { vehicleId: vehicle.id, inUse: chance(random, 0.4) },
  })
}

/** Mostly of the one in force; sometimes of the newest, which may be scheduled or over. */
const sharingIn = ({ sharings }: Stage, random: Random, { id }: Vehicle) => {
  const known = sharings.get(id)
  return known && chance(random, 0.3) ? { sharingId: known.id } : {}
}

export async function move(stage: Stage, random: Random, vehicle: Vehicle): Promise<void> {
  const endsAt = chance(random, 0.15) ? null : Date.now() + whole(random, 100, 1_500)
  const { answer } = await stage.caller.call({
    name: 'updateSharingEnd',
    ...managerOf(stage, vehicle.ownerId),
    side: anySide(random),
    input: { vehicleId: vehicle.id, endsAt: endsAt && iso(endsAt), ...sharingIn(stage, random, vehicle) },
  })
  const known = stage.sharings.get(vehicle.id)
  const moved = answer.kind === 'success' ? (answer.result['sharing'] as { id: string }).id : null
  if (known && known.id === moved) stage.sharings.set(vehicle.id, { ...known, until: endsAt ?? Infinity })
}

async function end(stage: Stage, random: Random, vehicle: Vehicle): Promise<void> {
  const fleetId = partyOf(stage, random, vehicle, 0.4)
  const { answer } = await stage.caller.call({
    name: 'endSharing',
    ...managerOf(stage, fleetId),
    side: anySide(random),
    input: {
      vehicleId: vehicle.id,
      when: chance(random, 0.5) ? 'WHEN_IDLE' : 'NOW',
      ...sharingIn(stage, random, vehicle),
    },
  })
  const sharing = (answer.kind === 'success' ? answer.result['sharing'] : null) as { phase: string } | null
  if (sharing && sharing.phase !== 'ACTIVE') stage.sharings.delete(vehicle.id)
  if (sharing?.phase !== 'ACTIVE' || chance(random, 0.3)) return
  // The driver parks: it is what the end waits for.
  await sleep(between(random, 0, 200))
  const parked = { ...aReport(stage, random, vehicle), ...IDLE, occurredAt: iso(Date.now()) }
  await keyed(stage, random, reporting(stage, random, [parked]))
}

async function sendCommand(stage: Stage, random: Random): Promise<void> {
  const vehicle = oneOf(random, stage.world.vehicles)
  await sendAs(stage, random, vehicle, partyOf(stage, random, vehicle, 0.7))
}

export async function sendAs(stage: Stage, random: Random, vehicle: Vehicle, fleetId: string): Promise<void> {
  await keyed(stage, random, {
    name: 'sendCommand',
    ...managerOf(stage, fleetId),
    side: anySide(random),
    input: {
      vehicleId: vehicle.id,
      type: oneOf(random, COMMANDS),
      timeoutSeconds: chance(random, 0.8) ? 1 : 2,
      idempotencyKey: keyOf(random),
    },
  })
}

const keyOf = (random: Random) => `key ${random()}`

/** Does a thing that may be repeated, and repeats it: at once elsewhere, for want of an answer, or for no reason. */
async function keyed(stage: Stage, random: Random, once: Order): Promise<Call> {
  const order = { ...once, operation: stage.caller.newOperation() }
  const elsewhere = { ...order, side: other(order.side) }
  const [twice, again] = [chance(random, 0.15), chance(random, 0.15)]
  const [call] = await Promise.all([settle(stage.caller, random, order), twice ? stage.caller.call(elsewhere) : null])
  if (again) await settle(stage.caller, random, elsewhere)
  return call
}

async function edit(stage: Stage, random: Random): Promise<void> {
  const { id, ownerId } = oneOf(random, stage.world.vehicles)
  const input = { id, name: `name ${random()}` }
  await stage.caller.call({ name: 'updateVehicle', ...managerOf(stage, ownerId), side: anySide(random), input })
  await sleep(between(random, 0, 100))
}

const IDLE = { speedKmh: 0, ignition: false, centralLock: 'LOCKED' } as const
const DRIVING = { speedKmh: 30, ignition: true, centralLock: 'UNLOCKED' } as const

/** Each message has a mileage that no other has, by which its event is known. */
function aReport(stage: Stage, random: Random, { id: vehicleId }: Vehicle) {
  const mileageKm = Math.floor(random() * 2 ** 32)
  const roll = random()
  const now = Date.now()
  const late = () => Math.floor(between(random, stage.startedAt - 500, now))
  const occurredAt = iso(roll < 0.5 ? now : roll < 0.9 ? late() : now + whole(random, 1, 60_000))
  return { vehicleId, messageId: `message ${mileageKm}`, occurredAt, mileageKm, ...oneOf(random, [IDLE, DRIVING, {}]) }
}

const reporting = ({ world }: Stage, random: Random, reports: readonly Variables[]): Order => ({
  name: 'reportVehicleStates',
  fleetId: null,
  token: world.gateway,
  side: anySide(random),
  input: { reports },
})

async function report(stage: Stage, random: Random): Promise<void> {
  const count = whole(random, 1, 6)
  const reports = Array.from({ length: count }, () => aReport(stage, random, oneOf(random, stage.world.vehicles)))
  // One that cannot be true: it is rejected, and the rest is taken.
  const wrong = { ...oneOf(random, reports), messageId: 'wrong', mileageKm: 1, energyPercent: 130 }
  await keyed(stage, random, reporting(stage, random, chance(random, 0.1) ? [...reports, wrong] : reports))
}
