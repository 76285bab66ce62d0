import type { Client } from '@urql/core'
import { fetchHistory, fetchVehicles, query } from './client.ts'
import { ViewerQuery } from './documents.ts'
import { subscribeToEvents } from './event-subscription.ts'
import type { Subscription } from './event-subscription.ts'
import { withEvent, withHistory } from './fleet-view.ts'
import type { FleetView } from './fleet-view.ts'

/** Events that arrive within this time cause one reload of the vehicles. */
const RELOAD_DELAY_MS = 80

type Update = (change: (view: FleetView) => FleetView) => void

/**
 * Keeps a view up to date: loads the fleet's vehicles and history, subscribes to its events, and reloads the vehicles
 * after events that change more than readings.
 */
export function syncFleet(
  api: Client,
  token: string,
  update: Update,
): { readonly subscription: Subscription; readonly close: () => void } {
  /** The ids of events that arrived before the history was loaded, which may contain them, too; null after that. */
  let early: Set<string> | null = new Set()
  let cursor: string | null = null
  /** The end of the log when the history was loaded: where to resume if no event has arrived yet. */
  let historyEnd: string | null = null
  /** The time of the last reconnection: events recorded before it waited in the log. */
  let reconnectedAt: string | null = null
  let wasDisconnected = false
  let isLoaded = false
  let isClosed = false

  /** @param fetchChange fetches data, and returns how the view changes with it */
  const load = async (fetchChange: () => Promise<(view: FleetView) => FleetView>) => {
    try {
      const change = await fetchChange()
      if (!isClosed) update((view) => ({ ...change(view), error: null }))
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown.message : String(thrown)
      if (!isClosed) update((view) => ({ ...view, error }))
    }
  }
  const loadVehicles = async () => {
    const list = await fetchVehicles(api)
    return (view: FleetView) => ({ ...view, ...list, revision: view.revision + 1 })
  }
  const loadAll = async () => {
    const [{ viewer, sharingPartners }, history, withVehicles] = await Promise.all([
      query(api, ViewerQuery, {}),
      fetchHistory(api),
      loadVehicles(),
    ])
    isLoaded = true
    historyEnd = history.cursor
    const past = history.events.filter(({ id }) => early?.has(id) === false)
    early = null
    return (view: FleetView) => ({
      ...withHistory(withVehicles(view), past),
      viewer,
      fleet: viewer.fleet,
      partners: sharingPartners.nodes,
      cursor: view.cursor ?? history.cursor,
    })
  }
  /** One load at a time, so that no older answer replaces a newer one. */
  let isLoading = false
  let isStale = false
  const reloadSoon = async () => {
    isStale = true
    if (isLoading) return
    isLoading = true
    while (isStale && !isClosed) {
      await new Promise((resolve) => setTimeout(resolve, RELOAD_DELAY_MS))
      isStale = false
      await load(isLoaded ? loadVehicles : loadAll)
    }
    isLoading = false
  }

  const subscription = subscribeToEvents(token, {
    after: () => cursor ?? historyEnd,
    onConnection: (connection) => {
      if (isClosed) return
      const isReconnecting = wasDisconnected && connection.status === 'connecting'
      if (isReconnecting) reconnectedAt = new Date().toISOString()
      wasDisconnected = connection.status === 'disconnected'
      if (connection.status === 'live') void reloadSoon()
      update((view) => ({ ...view, connection, backlogCount: isReconnecting ? 0 : view.backlogCount }))
    },
    onEvent: (event) => {
      early?.add(event.id)
      cursor = event.cursor
      const isBacklog = reconnectedAt !== null && event.recordedAt < reconnectedAt
      if (event.__typename !== 'StateEvent') void reloadSoon()
      update((view) => withEvent(view, event, isBacklog))
    },
  })

  return {
    subscription,
    close: () => {
      isClosed = true
      subscription.close()
    },
  }
}
