import { advance, applyCommand, newCar, readingsOf } from './car.ts'
import type { Car } from './car.ts'
import type { Dispatch, Gateway, Report } from './gateway.ts'
import { between, seeded } from './random.ts'
import type { Random } from './random.ts'

/** How often real devices misbehave: each rate is a share of 1. */
export type Faults = {
  /** Messages that are sent twice. */
  readonly repeated: number
  /** Messages that arrive after newer ones. */
  readonly late: number
  /** Commands that the vehicle fails to carry out. */
  readonly failed: number
  /** Commands whose outcome is never reported. */
  readonly lost: number
  /** Reports after which the modem is silent for a while; what the vehicle does meanwhile is never told. */
  readonly silent?: number
}

export const DEFAULT_FAULTS: Faults = { repeated: 0.05, late: 0.05, failed: 0.05, lost: 0.02, silent: 0.001 }

/** How long a modem that died is silent. Seconds. */
const SILENT_SECONDS = 120

export type Simulation = {
  /**
   * Advances every vehicle by some seconds and reports its readings.
   * @returns the number of messages that the server recorded
   * @throws when the server cannot be reached; undelivered messages are kept for the next tick
   */
  readonly tick: (gateway: Gateway, seconds: number) => Promise<number>
  /** Carries out a command and reports its outcome, after a delay as of a mobile network. */
  readonly execute: (gateway: Gateway, dispatch: Dispatch) => Promise<void>
}

/** The number of messages in one request. */
const BATCH_SIZE = 500
/** The number of undelivered messages that are kept. */
const MAX_BACKLOG = 10_000

/**
 * A fleet of simulated vehicles behind one gateway.
 * @param lockless the vehicles without a central lock
 * @param run a prefix for message ids, which must be unique for a vehicle, even across simulations
 */
export function simulate(
  vehicleIds: readonly string[],
  seed: number,
  run: string,
  faults: Faults = DEFAULT_FAULTS,
  lockless: ReadonlySet<string> = new Set(),
): Simulation {
  const random: Random = seeded(seed)
  const cars = new Map<string, Car>(vehicleIds.map((id) => [id, newCar(id, random, !lockless.has(id))]))
  /** Vehicles whose modem died, and for how many seconds more. */
  const silent = new Map<string, number>()
  let queue: Report[] = []
  /** Messages for the next tick: late ones, and repetitions. */
  let delayed: Report[] = []
  let count = 0

  const messageOf = (car: Car): Report => ({
    vehicleId: car.id,
    messageId: `${run}-${++count}`,
    occurredAt: new Date().toISOString(),
    ...readingsOf(car),
  })

  function isSilent(id: string, seconds: number): boolean {
    const left = (silent.get(id) ?? (random() < (faults.silent ?? 0) ? SILENT_SECONDS : 0)) - seconds
    if (left > 0) silent.set(id, left)
    else silent.delete(id)
    return left > 0
  }

  function collect(seconds: number): void {
    const fromLastTick = delayed
    delayed = []
    for (const car of cars.values()) {
      const next = advance(car, seconds, random)
      cars.set(car.id, next)
      if (isSilent(car.id, seconds)) continue
      const message = messageOf(next)
      if (random() < faults.late) delayed.push(message)
      else queue.push(message)
      if (random() < faults.repeated) delayed.push(message)
    }
    queue.push(...fromLastTick)
    // The oldest messages are dropped when the backlog is full, as in a device's own memory.
    if (queue.length > MAX_BACKLOG) queue = queue.slice(-MAX_BACKLOG)
  }

  return {
    async tick(gateway, seconds) {
      collect(seconds)
      let recorded = 0
      while (queue.length > 0) {
        const batch = queue.slice(0, BATCH_SIZE)
        const answer = await gateway.report(batch)
        // A batch leaves the queue only after its answer: the server skips messages that it has recorded before.
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
      const changed = random() < faults.failed ? null : applyCommand(car, type)
      if (changed === null) return gateway.reportOutcome(commandId, 'FAILED', 'The vehicle did not carry it out.')
      cars.set(vehicleId, changed)
      queue.push(messageOf(changed))
      await gateway.reportOutcome(commandId, 'SUCCEEDED')
    },
  }
}
