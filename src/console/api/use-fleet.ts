import type { Client } from '@urql/core'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { createApi } from './client.ts'
import type { Subscription } from './event-subscription.ts'
import { EMPTY_VIEW } from './fleet-view.ts'
import type { FleetView } from './fleet-view.ts'
import { syncFleet } from './sync-fleet.ts'

/** A fleet's data, and the means to act on it. */
export type FleetSession = FleetView & {
  readonly api: Client
  readonly disconnect: () => void
  readonly reconnect: () => void
}

/** The data of the fleet that a token speaks for, kept up to date by its events. */
export function useFleet(token: string): FleetSession {
  const api = useMemo(() => createApi(token), [token])
  const [view, setView] = useState(EMPTY_VIEW)
  const subscription = useRef<Subscription | null>(null)

  useEffect(() => {
    const sync = syncFleet(api, token, setView)
    subscription.current = sync.subscription
    return sync.close
  }, [api, token])

  return {
    ...view,
    api,
    disconnect: () => subscription.current?.disconnect(),
    reconnect: () => subscription.current?.reconnect(),
  }
}
