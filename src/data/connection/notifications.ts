import type pg from 'pg'
import { isReadOnly } from './endpoints.ts'
import type { Endpoints } from './endpoints.ts'
import { checkWritable } from './session.ts'

export type Wakeups = {
  /** Tells the other instances that the log has grown. Never throws, and never waits. */
  readonly announce: () => void
  readonly close: () => Promise<void>
}

export type WakeupOptions = {
  /** Another instance has appended to the log. */
  readonly onWake: () => void
  /** The server has turned out to be read-only: another one may be the primary by now. */
  readonly onReadOnly: () => void
}

const CHANNEL = 'fleetshare_log'
/** Appends in between are told of together. Milliseconds. */
const COALESCE_MS = 4
const RECONNECT_MS = 1_000
/** How often the server is asked whether it can still be written to. */
const CHECK_MS = 2_000

/**
 * Hints between instances on a connection of their own: NOTIFY inside the writing transactions would make them wait for
 * each other at commit. A hint may get lost, with the connection or before it is there: followers also look by themselves.
 */
export function startWakeups(endpoints: Endpoints, { onWake, onReadOnly }: WakeupOptions): Wakeups {
  let client: pg.Client | null = null
  let connecting: Promise<void> = Promise.resolve()
  let retry: NodeJS.Timeout | undefined
  let due: NodeJS.Timeout | undefined
  let checking: NodeJS.Timeout | undefined
  let again = false
  let closed = false

  function reconnect(): void {
    clearTimeout(retry)
    if (!closed) retry = setTimeout(() => (connecting = connect()), RECONNECT_MS).unref()
  }

  async function connect(): Promise<void> {
    try {
      const fresh = await endpoints.connect('fleetshare-wakeups')
      fresh.once('end', () => {
        clearTimeout(checking)
        if (client === fresh) client = null
        reconnect()
      })
      // This instance knows its own events already.
      fresh.on('notification', ({ processId }) => processId === processIdOf(fresh) || onWake())
      client = fresh
      if (closed) return
      await fresh.query(`LISTEN ${CHANNEL}`)
      watch(fresh)
      // Events may have been appended while this instance did not listen.
      onWake()
    } catch (error) {
      if (isReadOnly(error)) onReadOnly()
      if (client) leave(client)
      else reconnect()
    }
  }

  /** A server that was the primary may stay up, read-only, or go without a word. */
  function watch(watched: pg.Client): void {
    checking = setTimeout(() => {
      checkWritable(watched).then(
        () => client === watched && watch(watched),
        (error: unknown) => {
          if (isReadOnly(error)) onReadOnly()
          leave(watched)
        },
      )
    }, CHECK_MS).unref()
  }

  /** Without a goodbye, which a server that has gone would never answer. */
  const leave = (left: pg.Client) => void left.connection.stream.destroy()

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
      clearTimeout(checking)
      await connecting
      await client?.end().catch(() => {})
    },
  }
}

/** The backend's id, which the types of pg leave out. */
const processIdOf = (client: pg.Client): number | null => (client as unknown as { processID: number | null }).processID
