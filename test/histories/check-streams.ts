import { passes, textOf, upTo } from './facts.ts'
import type { Follower, Pages, Recording, SeenEvent, Session, Violation } from './history.ts'

/** Whoever follows, however often the connection broke, has the log from its place on: each event once, in order. */
export function checkStreams(recording: Recording): Violation[] {
  const { followers, pages, markers } = recording
  return [
    ...pages.flatMap((read) => pagesFaults(read, pages, markers)),
    ...sameEverywhere(pages),
    ...followers.flatMap((follower) => {
      const log = logOf(follower.fleetId, recording)
      const start = log.findIndex(({ cursor }) => cursor === follower.from)
      const expected = log.slice(start + 1).filter((event) => passes(event, follower.filter))
      const got = follower.sessions.flatMap(({ deliveries }) => deliveries.map(({ event }) => event))
      const text = difference(expected, upTo(got, markers.get(follower.fleetId) ?? ''))
      return [
        ...(text === null ? [] : [{ check: 'stream', text: `${follower.name}: ${text}${sessionAt(follower, text)}` }]),
        ...follower.sessions.flatMap((session) => completeFaults(follower, session)),
      ]
    }),
  ]
}

/** A fleet's log up to its last event, as the first instance has it. */
export function logOf(fleetId: string, { pages, markers }: Pick<Recording, 'pages' | 'markers'>): SeenEvent[] {
  const whole = pages.find((read) => read.fleetId === fleetId && read.after === null)
  return upTo(whole?.events ?? [], markers.get(fleetId) ?? '')
}

/** @returns the first place where two differ, in words; null if they are the same */
function difference(expected: readonly SeenEvent[], got: readonly SeenEvent[]): string | null {
  for (let index = 0; index < Math.max(expected.length, got.length); index++) {
    const [wanted, came] = [expected[index], got[index]]
    if (wanted?.cursor === came?.cursor && wanted && came && textOf(wanted) === textOf(came)) continue
    const place = `event ${index} of ${expected.length}`
    if (!came) return `it ends ahead of ${place}, ${wanted && textOf(wanted)}`
    const later = expected.findIndex(({ cursor }) => cursor === came.cursor)
    if (later === -1) return `${place} is not in the log: ${textOf(came)}`
    if (later > index) return `a gap of ${later - index} ahead of ${place}, first ${wanted && textOf(wanted)}`
    if (later < index) return `${place} repeats number ${later}: ${textOf(came)}`
    return `${place} is ${textOf(came)}, where the log has ${wanted && textOf(wanted)}`
  }
  return null
}

/** Of which session the event comes that a text names by its number. */
function sessionAt({ sessions }: Follower, text: string): string {
  let left = Number(/event (\d+)/.exec(text)?.[1])
  for (const [number, { deliveries, side }] of sessions.entries()) {
    if (left < deliveries.length) return ` (session ${number}, instance ${side}, its delivery ${left})`
    left -= deliveries.length
  }
  return ''
}

/** The history from any place, on any instance, is the same log from there. */
function pagesFaults(read: Pages, all: readonly Pages[], markers: ReadonlyMap<string, string>): Violation[] {
  const { fleetId, side, after, events } = read
  const log = logOf(fleetId, { pages: all, markers })
  const start = after === null ? -1 : log.findIndex(({ cursor }) => cursor === after)
  const marker = markers.get(fleetId) ?? ''
  const ownEnd = after !== null && start === -1
  // Read from behind the last event that counts: nothing there can be compared.
  if (ownEnd) return []
  const text = difference(log.slice(start + 1), start + 1 === log.length ? [] : upTo(events, marker))
  const odd = events.find(({ id, cursor }) => id !== cursor)
  return [
    ...(text === null ? [] : [{ check: 'pages', text: `${fleetId} on ${side} after ${after}: ${text}` }]),
    ...(odd ? [{ check: 'cursor', text: `the id ${odd.id} has the cursor ${odd.cursor}` }] : []),
  ]
}

/** What two fleets see of one event is the same, under the same cursor, and in the same order. */
function sameEverywhere(pages: readonly Pages[]): Violation[] {
  const texts = new Map<string, string>()
  const found: Violation[] = []
  for (const event of pages.flatMap(({ events }) => events)) {
    const known = texts.get(event.cursor)
    if (known !== undefined && known !== textOf(event))
      found.push({ check: 'pages', text: `${event.cursor} is ${known} and ${textOf(event)}` })
    texts.set(event.cursor, textOf(event))
  }
  return found
}

const COMPLETE_EARLY_MS = 5

/** A stream without an end is complete only if its token is at its end: to a client it means that nothing more comes. */
function completeFaults({ name }: Follower, { ending, expiresAt, openedAt, side, deliveries }: Session): Violation[] {
  if (ending?.by !== 'complete' || ending.at >= expiresAt - COMPLETE_EARLY_MS) return []
  const session = `${ending.at - openedAt} ms and ${deliveries.length} events after it was opened on instance ${side}`
  return [{ check: 'complete', text: `${name} was told that its stream is complete, ${session}`, at: ending.at }]
}
