import { drive, newCar, obey, readingsOf } from './car.ts'
import type { Car } from './car.ts'
import type { Dispatch, Gateway, Report } from './gateway.ts'
import { between, seeded } from './random.ts'
import type { Random } from './random.ts'

/** How real devices misbehave, as shares of 1. */
export type Faults = {
  /** Messages that are sent again. */
  readonly repeated: number
  /** Messages that arrive after younger ones. */
  readonly late: number
  /** Commands that the vehicle does not carry out. */
  readonly failed: number
  /** Commands of whose outcome nothing is heard. */
  readonly lost: number
}

export const USUAL_FAULTS: Faults = { repeated: 0.05, late: 0.05, failed: 0.05, lost: 0.02 }

export type Simulation = {
  /** Moves every vehicle on by some seconds and reports it. @returns how many messages the server took */
  readonly tick: (gateway: Gateway, seconds: number) => Promise<number>
  /** Carries a command out, after the delay of a mobile network. */
  readonly execute: (gateway: Gateway, dispatch: Dispatch) => Promise<void>
}

const BATCH = 500
/** Messages kept back, or to be sent again, at most. */
const BACKLOG = 10_000

/** @param run tells the messages of this simulation from those of another: message ids are unique for a vehicle */
export function simulate(vehicleIds: readonly string[], seed: number, run: string, faults = USUAL_FAULTS): Simulation {
  const random: Random = seeded(seed)
  const cars = new Map<string, Car>(vehicleIds.map((id) => [id, newCar(id, random)]))
  let queue: Report[] = []
  let heldBack: Report[] = []
  let count = 0

  const messageOf = (car: Car): Report => ({
    vehicleId: car.id,
    messageId: `${run}-${++count}`,
    occurredAt: new Date().toISOString(),
    ...readingsOf(car),
  })

  function collect(seconds: number): void {
    const late = heldBack
    heldBack = []
    for (const car of cars.values()) {
      const next = drive(car, seconds, random)
      cars.set(car.id, next)
      const message = messageOf(next)
      if (random() < faults.late) heldBack.push(message)
      else queue.push(message)
      if (random() < faults.repeated) heldBack.push(message)
    }
    queue.push(...late)
    // What cannot be delivered for long is lost, oldest first, as in a device's own memory.
    if (queue.length > BACKLOG) queue = queue.slice(-BACKLOG)
  }

  return {
    async tick(gateway, seconds) {
      collect(seconds)
      let recorded = 0
      while (queue.length > 0) {
        const batch = queue.slice(0, BATCH)
        const answer = await gateway.report(batch)
        // Only what was answered leaves the queue: who sends again what was taken is told so.
        queue = queue.slice(batch.length)
        recorded += answer.recorded
        for (const { index, code } of answer.rejected) {
          const id = batch[index]?.vehicleId
          if (code === 'VEHICLE_NOT_FOUND' && id !== undefined) cars.delete(id)
        }
      }
      return recorded
    },
    async execute(gateway, { commandId, vehicleId, type }) {
      await new Promise((resolve) => setTimeout(resolve, between(random, 200, 1500)))
      const car = cars.get(vehicleId)
      if (car === undefined || random() < faults.lost) return
      const obeyed = random() < faults.failed ? null : obey(car, type)
      if (obeyed === null) return gateway.outcome(commandId, 'FAILED', 'The vehicle did not carry it out.')
      cars.set(vehicleId, obeyed)
      queue.push(messageOf(obeyed))
      await gateway.outcome(commandId, 'SUCCEEDED')
    },
  }
}
