import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { report, reportAt } from '../support/gateway.ts'

export type Reporting = {
  /** Sends no more, and waits for what is on its way. @returns how many events were recorded */
  readonly stop: () => Promise<number>
}

export type ReportingOptions = {
  /** Of the instances, by turns; where one fails the next is asked. */
  readonly urls: readonly string[]
  readonly token: string
  /** By turns, too. */
  readonly vehicles: readonly string[]
  /** Events per second. */
  readonly rate: number
  /** Reports in a request. */
  readonly batch: number
}

/** More requests than this are not under way at once: a server that cannot keep up is not buried. */
const MOST_PENDING = 16
const TRIES = 40
const RETRY_MS = 250

/** A gateway whose vehicles report all that they can, at a steady rate. */
export function startReporting({ urls, token, vehicles, rate, batch }: ReportingOptions): Reporting {
  const started = performance.now()
  const name = randomUUID()
  const pending = new Set<Promise<void>>()
  let recorded = 0
  let made = 0
  let stopped = false

  const reports = () =>
    Array.from({ length: batch }, () => {
      const number = made++
      const vehicleId = vehicles[number % vehicles.length] ?? ''
      return reportAt(vehicleId, `${name} ${number}`, Date.now(), {
        position: { latitude: 45 + (number % 1000) / 1e4, longitude: -122.5 },
        speedKmh: number % 50,
        mileageKm: number,
        energyPercent: number % 100,
        centralLock: 'UNLOCKED',
        drivingEnabled: true,
        ignition: true,
      })
    })

  /** Under the same message ids again, so that what was taken before its answer was lost is not taken twice. */
  async function send(messages: ReturnType<typeof reports>, first: number): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      const url = urls[(first + attempt) % urls.length] ?? ''
      try {
        const answer = await report(url, token, messages)
        const taken = Number(answer.recorded) + Number(answer.skipped)
        if (taken !== batch) throw new Error(`a batch was not taken: ${JSON.stringify(answer)}`)
        recorded += taken
        return
      } catch (error) {
        if (attempt === TRIES) throw error
        await sleep(RETRY_MS)
      }
    }
  }

  async function run(): Promise<void> {
    for (let turn = 0; !stopped; turn++) {
      const due = started + (turn * batch * 1000) / rate
      await sleep(Math.max(due - performance.now(), 0))
      if (pending.size >= MOST_PENDING) await Promise.race(pending)
      const sent = send(reports(), turn)
      pending.add(sent)
      void sent.finally(() => pending.delete(sent)).catch(() => {})
    }
    await Promise.all(pending)
  }

  const running = run()
  // Told by stop(); until then it is nobody's yet.
  running.catch(() => {})
  return {
    stop: async () => {
      stopped = true
      await running
      return recorded
    },
  }
}
