import type { Client } from '@urql/core'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { allVehicles, ask, createApi, historyOf } from './client.ts'
import { openLink } from './event-subscription.ts'
import type { Link, LinkState } from './event-subscription.ts'
import { Who } from './documents.ts'
import type { Event, Fleet, Reading, Vehicle, Viewer } from './documents.ts'

/** Shown of the stream; what is older is in the log. */
const MOST_EVENTS = 60
/** Events that come together have the lists read once. Milliseconds. */
const TOGETHER_MS = 80

/** An event in the stream: `late` if it waited in the log while the connection was cut. */
export type Told = { readonly event: Event; readonly late: boolean }

export type FleetView = {
  readonly api: Client
  readonly fleet: Fleet | null
  readonly viewer: Viewer | null
  readonly partners: readonly Fleet[]
  readonly vehicles: readonly Vehicle[]
  /** Whether there are more than those. */
  readonly hasMore: boolean
  /** Newest first; of readings only how many came. */
  readonly told: readonly Told[]
  readonly readings: number
  readonly cursor: string | null
  readonly link: LinkState
  /** What the last question to the server failed with; null if it did not. */
  readonly problem: string | null
  /** How many events waited in the log during the last cut, readings too; null if there was none. */
  readonly caughtUp: number | null
  /** Another number whenever something but readings may have changed. */
  readonly changes: number
  readonly cut: () => void
  readonly resume: () => void
}

type Data = Omit<FleetView, 'api' | 'cut' | 'resume'>

const NOTHING: Data = {
  fleet: null,
  viewer: null,
  partners: [],
  vehicles: [],
  hasMore: false,
  told: [],
  readings: 0,
  cursor: null,
  link: { is: 'connecting' },
  problem: null,
  caughtUp: null,
  changes: 0,
}

/** All that one fleet sees, kept up to date by its events. */
export function useFleet(token: string): FleetView {
  const api = useMemo(() => createApi(token), [token])
  const [data, setData] = useState(NOTHING)
  const link = useRef<Link | null>(null)

  useEffect(() => {
    const state = follow(api, token, setData)
    link.current = state.link
    return state.close
  }, [api, token])

  return { ...data, api, cut: () => link.current?.cut(), resume: () => link.current?.resume() }
}

type Update = (change: (data: Data) => Data) => void

function follow(api: Client, token: string, update: Update) {
  /** What came while the history was read, which may have it, too; later nothing comes twice. */
  let early: Set<string> | null = new Set()
  let cursor: string | null = null
  /** The end of the log as it was read: to go on from there while no event has been seen. */
  let anchor: string | null = null
  /** When the connection came back: what was recorded before that waited in the log. */
  let resumedAt: string | null = null
  let cutOff = false
  let known = false
  let closed = false

  /** @param read what to ask for, and what is to be shown of it */
  const load = async (read: () => Promise<(data: Data) => Data>) => {
    try {
      const change = await read()
      if (!closed) update((data) => ({ ...change(data), problem: null }))
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error)
      if (!closed) update((data) => ({ ...data, problem }))
    }
  }
  const readVehicles = async () => {
    const seen = await allVehicles(api)
    return (data: Data) => ({ ...data, ...seen, changes: data.changes + 1 })
  }
  const readAll = async () => {
    const [{ viewer, sharingPartners }, history, withVehicles] = await Promise.all([
      ask(api, Who, {}),
      historyOf(api),
      readVehicles(),
    ])
    known = true
    anchor = history.cursor
    const fresh = history.events.filter(({ id }) => early?.has(id) === false)
    early = null
    const before = fresh.map((event) => ({ event, late: false })).toReversed()
    return (data: Data) => ({
      ...withVehicles(data),
      viewer,
      fleet: viewer.fleet,
      partners: sharingPartners.nodes,
      told: [...data.told, ...before].slice(0, MOST_EVENTS),
      cursor: data.cursor ?? history.cursor,
    })
  }
  /** One question at a time, so that no older answer replaces a newer one. */
  let isAsking = false
  let isStale = false
  const refreshSoon = async () => {
    isStale = true
    if (isAsking) return
    isAsking = true
    while (isStale && !closed) {
      await new Promise((resolve) => setTimeout(resolve, TOGETHER_MS))
      isStale = false
      await load(known ? readVehicles : readAll)
    }
    isAsking = false
  }

  const link = openLink(token, {
    after: () => cursor ?? anchor,
    onState: (state) => {
      if (closed) return
      const again = cutOff && state.is === 'connecting'
      if (again) resumedAt = new Date().toISOString()
      cutOff = state.is === 'cut'
      if (state.is === 'live') void refreshSoon()
      update((data) => ({ ...data, link: state, caughtUp: again ? 0 : data.caughtUp }))
    },
    onEvent: (event) => {
      early?.add(event.id)
      cursor = event.cursor
      const late = resumedAt !== null && event.recordedAt < resumedAt
      if (event.__typename !== 'StateEvent') void refreshSoon()
      update((data) => withEvent(data, event, late))
    },
  })

  return {
    link,
    close: () => {
      closed = true
      link.close()
    },
  }
}

function withEvent(data: Data, event: Event, late: boolean): Data {
  const common = { ...data, cursor: event.cursor, caughtUp: late ? (data.caughtUp ?? 0) + 1 : data.caughtUp }
  if (event.__typename !== 'StateEvent') {
    return { ...common, told: [{ event, late }, ...data.told].slice(0, MOST_EVENTS) }
  }
  const vehicles = data.vehicles.map((vehicle) =>
    vehicle.id === event.vehicleId ? { ...vehicle, state: merged(vehicle.state, event.state) } : vehicle,
  )
  return { ...common, vehicles, readings: data.readings + 1 }
}

/** Each reading by its own time: what is reported late changes nothing. */
const merged = (known: Reading, told: Reading): Reading => ({
  position: newer(known.position, told.position),
  speedKmh: newer(known.speedKmh, told.speedKmh),
  energyPercent: newer(known.energyPercent, told.energyPercent),
  centralLock: newer(known.centralLock, told.centralLock),
  ignition: newer(known.ignition, told.ignition),
})

const newer = <T extends { readonly observedAt: string }>(known: T | null, told: T | null): T | null =>
  told === null || (known !== null && known.observedAt > told.observedAt) ? known : told

/** Who controls a vehicle now. */
export const controllerOf = ({ sharing, fleet }: Vehicle): Fleet => sharing?.partner ?? fleet
