import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'
import { mutations, post } from '../support/api.ts'
import type { Answer, Variables } from '../support/api.ts'
import { REPORT, reportAt } from '../support/gateway.ts'

/** What clients were answered beside what they wanted, by code. */
export type Met = Map<string, number>

const add = (met: Met, code: string) => met.set(code, (met.get(code) ?? 0) + 1)

/** A mutation that was acknowledged: the number of events that it has to have left, and its times by performance.now(). */
export type Acknowledgement = { readonly events: number; readonly sentAt: number; readonly at: number }

export type Writers = {
  /** By request id. */
  readonly acknowledged: ReadonlyMap<string, Acknowledgement>
  /** The longest time without an acknowledgement since a moment, and since the last one by now. Milliseconds. */
  readonly longestPause: (since: number) => number
  readonly stop: () => Promise<void>
}

type WriterOptions = {
  readonly urls: readonly string[]
  readonly gateway: string
  readonly manager: string
  readonly vehicles: readonly string[]
  /** Reports per second. */
  readonly rate: number
  readonly met: Met
}

const BATCH = 25
/** One edit for so many batches. */
const EDIT_EVERY = 3
const MOST_PENDING = 64

/** A gateway that reports at a steady rate, and a manager who edits, at both instances by turns. Nothing is repeated. */
export function startWriters({ urls, gateway, manager, vehicles, rate, met }: WriterOptions): Writers {
  const acknowledged = new Map<string, Acknowledgement>()
  const times = [performance.now()]
  const pending = new Set<Promise<void>>()
  let stopped = false

  const send = async (
    url: string,
    token: string,
    query: string,
    input: Variables,
    eventsOf: (data: Answer['data']) => number,
  ) => {
    const id = randomUUID()
    const sentAt = performance.now()
    try {
      const { data, errors } = await post(url, token, query, { input }, { 'X-Request-Id': id })
      if (errors) for (const { extensions } of errors) add(met, extensions.code)
      else {
        const at = performance.now()
        acknowledged.set(id, { events: eventsOf(data), sentAt, at })
        times.push(at)
      }
    } catch (error) {
      add(met, `no answer: ${String(error)}`)
    }
  }
  const reports = (turn: number, url: string) => {
    const messages = Array.from({ length: BATCH }, (_, nth) => {
      const number = turn * BATCH + nth
      const vehicleId = vehicles[number % vehicles.length] ?? ''
      return reportAt(vehicleId, `message ${number}`, Date.now(), { speedKmh: number % 50, mileageKm: number })
    })
    return send(url, gateway, REPORT, { reports: messages }, (data) => Number(data.reportVehicleStates.recorded))
  }
  const edit = (turn: number, url: string) => {
    const input = { id: vehicles[turn % vehicles.length], name: `name ${turn}` }
    return send(url, manager, mutations.updateVehicle, input, () => 1)
  }

  async function run(): Promise<void> {
    const started = performance.now()
    for (let turn = 0; !stopped; turn++) {
      await sleep(Math.max(started + (turn * BATCH * 1000) / rate - performance.now(), 0))
      const url = urls[turn % urls.length] ?? ''
      for (const work of [reports(turn, url), ...(turn % EDIT_EVERY === 0 ? [edit(turn, url)] : [])]) {
        pending.add(work)
        void work.finally(() => pending.delete(work))
      }
      if (pending.size >= MOST_PENDING) await Promise.race(pending)
    }
    await Promise.all(pending)
  }
  const running = run()
  return {
    acknowledged,
    longestPause: (since) => {
      const marks = [since, ...times.filter((time) => time > since), performance.now()]
      return Math.max(...marks.slice(1).map((time, nth) => time - (marks[nth] ?? time)))
    },
    stop: async () => {
      stopped = true
      await running
    },
  }
}

export type HaFollower = {
  /** The cursors of all events that have come, in their order. */
  readonly cursors: readonly string[]
  readonly stop: () => void
}

const FOLLOW = 'subscription ($after: String) { vehicleEvents(after: $after) { cursor } }'
const AGAIN_MS = 250

/** Follows a fleet from a cursor on; comes back behind its last event, at the other instance, whenever it is ended. */
export function startFollower(
  urls: readonly string[],
  token: string,
  after: string | null,
  met: Met,
  first: number,
): HaFollower {
  const cursors: string[] = []
  let stop = () => {}
  let stopped = false

  function connect(nth: number): void {
    const url = urls[nth % urls.length] ?? ''
    const client = createClient({
      url: `${url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { Authorization: `Bearer ${token}` },
      retryAttempts: 0,
    })
    const end = (code: string) => {
      void client.dispose()
      if (stopped) return
      add(met, code)
      setTimeout(connect, AGAIN_MS, nth + 1)
    }
    stop = () => void client.dispose()
    client.subscribe<{ vehicleEvents: { cursor: string } }>(
      { query: FOLLOW, variables: { after: cursors.at(-1) ?? after } },
      {
        next: ({ data, errors }) => {
          if (data) cursors.push(data.vehicleEvents.cursor)
          for (const { extensions } of errors ?? []) add(met, String(extensions?.['code']))
        },
        error: (how) => end(codeOf(how)),
        complete: () => end('complete'),
      },
    )
  }
  connect(first)
  return {
    cursors,
    stop: () => {
      stopped = true
      stop()
    },
  }
}

/** Of the errors of a subscription, or of a close event. */
function codeOf(how: unknown): string {
  if (Array.isArray(how)) return String((how[0] as { extensions?: { code?: string } }).extensions?.code)
  return how instanceof Error ? how.message : `close ${String((how as { code?: number }).code)}`
}
