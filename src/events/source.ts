import type { LoggedEvent } from '../domain/log/event.ts'
import type { Tail } from './tail.ts'
import type { Stretch } from './window.ts'

const PAGE = 200
/** What is delivered of events that wait before others have their turn. */
export const BURST = 20

/** Which of the log's events, and how to read them where the newest in memory do not reach. */
export type Source = {
  /** Whose events they are; null for anybody's. */
  readonly fleetId: string | null
  readonly matches: (event: LoggedEvent) => boolean
  readonly read: (after: number, upTo: number, limit: number) => Promise<LoggedEvent[]>
}

/** What comes next behind a position, as far as it is read at once. */
export async function behind(tail: Tail, { matches, read }: Source, position: number): Promise<Stretch> {
  const newest = tail.since(position, PAGE)
  if (newest) return { ...newest, events: newest.events.filter(matches) }
  const upTo = tail.head()
  const found = await tail.behind(() => read(position, upTo, PAGE))
  // A full page of the log may have been cut short by its limit.
  return { events: found.filter(matches), upTo: found.length === PAGE ? (found.at(-1)?.position ?? upTo) : upTo }
}
