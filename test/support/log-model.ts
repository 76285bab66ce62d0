import type { Client } from '../../src/data/client.ts'
import type { LoggedEvent } from '../../src/domain/log/event.ts'

/** A log whose writers do as a test says: they draw places one by one, and commit in any order, or not at all. */
export type ModelLog = {
  /** What following the log needs of a database. */
  readonly prisma: Client
  /** How many places were drawn. */
  readonly drawn: () => number
  readonly draw: (ownerId: string, partnerId: string | null, here: boolean) => void
  /** Ends one of the transactions that are open. */
  readonly settle: (which: number, commits: boolean) => void
  readonly settleAll: () => void
  /** What this instance has committed and not told yet. */
  readonly unsaid: (reversed: boolean) => LoggedEvent[]
  readonly committed: () => LoggedEvent[]
  /** Fails the next thing that is asked. */
  readonly failNext: () => void
  readonly read: (after: number, upTo: number) => Promise<LoggedEvent[]>
}

type Place = { readonly event: LoggedEvent; readonly here: boolean; state: 'open' | 'committed' | 'undone' }

export function createLog(): ModelLog {
  const places: Place[] = []
  let unsaid: LoggedEvent[] = []
  let failing = false
  const open = () => places.filter(({ state }) => state === 'open')
  const committed = () => places.flatMap(({ state, event }) => (state === 'committed' ? [event] : []))

  function settle(place: Place, commits: boolean): void {
    place.state = commits ? 'committed' : 'undone'
    if (commits && place.here) unsaid.push(place.event)
  }

  /** A round trip: what is answered is true at some time in between. */
  async function answer<T>(find: () => T): Promise<T> {
    await new Promise<void>((resolve) => setImmediate(resolve))
    if (failing) {
      failing = false
      throw new Error('the database is away')
    }
    const found = find()
    await new Promise<void>((resolve) => setImmediate(resolve))
    return found
  }

  const between = (after: number, upTo: number) =>
    committed().filter(({ position }) => position > after && position <= upTo)
  const prisma = {
    event: {
      horizon: () =>
        answer(() => {
          const settled = (open()[0]?.event.position ?? places.length + 1) - 1
          const end = committed().findLast(({ position }) => position <= settled)?.position ?? settled
          return { settled, drawn: places.length, end }
        }),
      range: (after: number, upTo: number, limit: number) => answer(() => between(after, upTo).slice(0, limit)),
      addSeen: () => {},
      remember: async () => {},
    },
    $observe: () => {},
  }
  return {
    prisma: prisma as unknown as Client,
    drawn: () => places.length,
    draw: (ownerId, partnerId, here) => {
      const event: LoggedEvent = {
        position: places.length + 1,
        tag: places.length + 1,
        type: 'VEHICLE_CHANGED',
        vehicleId: 'car',
        ownerId,
        partnerId: partnerId === ownerId ? null : partnerId,
        occurredAt: 0,
        recordedAt: 0,
        requestId: null,
      }
      places.push({ event, here, state: 'open' })
    },
    settle: (which, commits) => {
      const place = open()[which % Math.max(open().length, 1)]
      if (place) settle(place, commits)
    },
    settleAll: () => open().forEach((place) => settle(place, true)),
    unsaid: (reversed) => {
      const told = reversed ? unsaid.toReversed() : unsaid
      unsaid = []
      return told
    },
    committed,
    failNext: () => (failing = true),
    read: (after, upTo) => answer(() => between(after, upTo)),
  }
}
