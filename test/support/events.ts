import pg from 'pg'
import { ask } from './api.ts'
import type { TestServer } from './server.ts'
import { FOLLOW, HISTORY, subscribe, subscribeSse } from './sockets.ts'
import type { Subscription } from './sockets.ts'

/** An event as EVENT selects it; the last three of sharing events only. */
export type SeenEvent = {
  readonly id: string
  readonly cursor: string
  readonly type: string
  readonly vehicleId: string
  readonly occurredAt: string
  readonly recordedAt: string
  readonly requestId: string | null
  readonly vehicle: { readonly id: string } | null
  readonly endsAt?: string | null
  readonly endReason?: string | null
  readonly sharing?: { readonly id: string; readonly phase: string; readonly status: string }
}

export type EventFilter = { readonly vehicleIds?: readonly string[]; readonly types?: readonly string[] }

type From = { readonly after?: string | null; readonly filter?: EventFilter | null }

/** All that the log holds for a fleet behind `after`, page by page. */
export async function readAll(
  url: string,
  token: string,
  { after = null, filter = null, first = 500 }: From & { readonly first?: number } = {},
): Promise<SeenEvent[]> {
  const events: SeenEvent[] = []
  for (let place = after; ;) {
    const { nodes, pageInfo } = (await ask(url, token, HISTORY, { first, after: place, filter })).vehicleEvents
    events.push(...(nodes as SeenEvent[]))
    place = pageInfo.endCursor as string | null
    if (!pageInfo.hasNextPage) return events
  }
}

/** The cursor of a fleet's latest event; null while it has none. */
export const endOfLog = async (url: string, token: string): Promise<string | null> =>
  (await readAll(url, token)).at(-1)?.cursor ?? null

/** The ways in which a subscription can reach a client. */
export const TRANSPORTS = [
  ['WebSocket', subscribe],
  ['server-sent events', subscribeSse],
] as const

export type Follower = {
  /** The first `count` events, as soon as they are there. */
  readonly events: (count: number) => Promise<SeenEvent[]>
  /** What has come so far. */
  readonly seen: () => SeenEvent[]
  readonly stop: () => void
}

/**
 * Follows from `after`, or from the present end of the log: what is done from now on will come, however long the
 * subscription takes to open. The fleet has to have an event for that.
 */
export async function follow(
  url: string,
  token: string,
  { after, filter = null, open = subscribe }: From & { readonly open?: typeof subscribe } = {},
): Promise<Follower> {
  const from = after === undefined ? await endOfLog(url, token) : after
  return followerOf(await open(url, token, FOLLOW, { after: from, filter }))
}

function followerOf({ results, received, stop }: Subscription): Follower {
  const seen = () =>
    results.map(({ data, errors }) => {
      if (errors) throw new Error(`an event came with errors: ${JSON.stringify(errors)}`)
      return data.vehicleEvents as SeenEvent
    })
  return {
    seen,
    stop,
    events: async (count) => {
      await received(count)
      return seen().slice(0, count)
    },
  }
}

/** A connection of its own to the PostgreSQL database of a server; a session that is killed is no error of the test's. */
export async function connect({ settings }: TestServer): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: settings.databaseUrl ?? '' })
  client.on('error', () => {})
  await client.connect()
  return client
}

/**
 * Appends VEHICLE_CHANGED events past the API, in one statement; request ids `${name} 0` to `${name} ${count - 1}`.
 * @returns their positions
 */
export async function insertEvents(
  client: pg.Client,
  name: string,
  { vehicleId, ownerId }: { readonly vehicleId: string; readonly ownerId: string },
  count = 1,
): Promise<number[]> {
  const { rows } = await client.query<{ position: string }>(
    `INSERT INTO event (type, vehicle_id, owner_id, occurred_at, recorded_at, request_id)
      SELECT 'VEHICLE_CHANGED', $1, $2, now(), now(), $3 || ' ' || n FROM generate_series(0, $4 - 1) AS n ORDER BY n
      RETURNING position`,
    [vehicleId, ownerId, name, count],
  )
  return rows.map(({ position }) => Number(position))
}
