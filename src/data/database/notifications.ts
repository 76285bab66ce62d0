import pg from 'pg'
import { backendIdOf } from '../migrations/backend-id.ts'

export type Wakeups = {
  /** Tells the other instances that the log has grown. Never throws, and never waits. */
  readonly announce: () => void
  readonly close: () => Promise<void>
}

const CHANNEL = 'fleetshare_log'
/** Appends in between are told of together. Milliseconds. */
const COALESCE_MS = 4
const RECONNECT_MS = 1_000

/**
 * Hints between instances on a connection of their own: NOTIFY inside the writing transactions would make them wait for
 * each other at commit. A hint may get lost, with the connection or before it is there: followers also look by themselves.
 */
export function startWakeups(url: string, onWake: () => void): Wakeups {
  let client: pg.Client | null = null
  let connecting: Promise<void> = Promise.resolve()
  let retry: NodeJS.Timeout | undefined
  let due: NodeJS.Timeout | undefined
  let again = false
  let closed = false

  async function connect(): Promise<void> {
    const options = { connectionTimeoutMillis: 5_000, keepAlive: true, application_name: 'fleetshare-wakeups' }
    const fresh = new pg.Client({ connectionString: url, ...options })
    const lost = () => {
      if (client === fresh) client = null
      clearTimeout(retry)
      if (!closed) retry = setTimeout(() => (connecting = connect()), RECONNECT_MS).unref()
    }
    fresh.on('error', lost)
    fresh.on('end', lost)
    // What this instance appended it knows already.
    fresh.on('notification', ({ processId }) => processId === backendIdOf(fresh) || onWake())
    try {
      await fresh.connect()
      await fresh.query(`LISTEN ${CHANNEL}`)
      client = fresh
      // Something may have been appended while nobody listened.
      onWake()
    } catch {
      lost()
      await fresh.end().catch(() => {})
    }
  }

  function announce(): void {
    again = due !== undefined
    due ??= setTimeout(() => {
      again = false
      // One at a time: what is appended meanwhile is told of by the next.
      const told = client?.query(`NOTIFY ${CHANNEL}`).catch(() => {}) ?? Promise.resolve()
      void told.finally(() => {
        due = undefined
        if (again) announce()
      })
    }, COALESCE_MS)
  }

  connecting = connect()
  return {
    announce,
    async close() {
      closed = true
      clearTimeout(retry)
      clearTimeout(due)
      await connecting
      await client?.end().catch(() => {})
    },
  }
}
