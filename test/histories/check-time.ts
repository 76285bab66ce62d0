import { iso } from '../support/world.ts'
import { textOf } from './facts.ts'
import { CLOCK_MS } from './check-control.ts'
import type { Call, DisruptionKind, Follower, Instant, Recording, Session, Span, Violation } from './history.ts'

/** What is answered is recorded while it was asked for, in an order that agrees with who was answered first. */
export function checkTime(recording: Recording): Violation[] {
  const { calls, truth, followers } = recording
  const found: Violation[] = []
  const byRequest = new Map(calls.map((call) => [call.requestId, call]))
  let latest: Call | null = null
  for (const { requestId, recordedAt, position } of truth.events) {
    const call = requestId === null ? undefined : byRequest.get(requestId)
    if (!call) continue
    const at = recordedAt.getTime()
    const answered = call.answer.kind === 'success'
    if (at < call.invokedAt - CLOCK_MS || (answered && at > call.returnedAt + CLOCK_MS)) {
      const around = `asked for at ${call.invokedAt}, answered at ${call.returnedAt}`
      found.push({ check: 'instant', text: `${requestId} has an event recorded at ${at}, ${around}` })
    }
    if (answered && latest && call.returnedAt < latest.invokedAt) {
      const text = `${requestId} was answered before ${latest.requestId} was asked for, and stands behind it at ${position}`
      found.push({ check: 'real time', text })
    }
    if (!latest || call.invokedAt > latest.invokedAt) latest = call
  }
  for (const follower of followers) {
    for (const session of follower.sessions) found.push(...deliveryFaults(follower, session, recording))
  }
  return [...found, ...errorFaults(recording), ...closeFaults(recording)]
}

/** What was sent in time may take so long to be read. Milliseconds. */
const ON_ITS_WAY_MS = 250

/** Nothing comes before it was recorded, and nothing after the token has ended, but what was held up on the way. */
function deliveryFaults({ name }: Follower, session: Session, { disruptions, lags }: Recording): Violation[] {
  const { deliveries, expiresAt, side, pauses } = session
  const early = deliveries.find(({ event, at }) => at < Date.parse(event.recordedAt) - CLOCK_MS)
  const stalls = disruptions.filter((one) => one.kind === 'stall' && one.side === side)
  const late = deliveries.find(({ at }) => at > heldUntil(expiresAt, [...pauses, ...stalls, ...lags]) + ON_ITS_WAY_MS)
  return [
    ...(early
      ? [{ check: 'early', text: `${name} had ${textOf(early.event)} at ${iso(early.at)}`, at: early.at }]
      : []),
    ...(late
      ? [
          {
            check: 'expiry',
            text: `${late.at - expiresAt} ms after its token ended ${name} had ${textOf(late.event)}`,
            at: late.at,
          },
        ]
      : []),
  ]
}

/** How long what was sent until an instant may have been held up, one thing after the other. */
function heldUntil(instant: Instant, spans: readonly Span[]): Instant {
  let until = instant
  for (const { from, to } of spans.toSorted((a, b) => a.from - b.from)) {
    if (from <= until + ON_ITS_WAY_MS) until = Math.max(until, to)
  }
  return until
}

/** How long after the end of a database session, or of an instance, something may fail because of it. Milliseconds. */
const AFTERMATH_MS = 1_000

/** All that a client is told of what went wrong inside, and words that tell more. */
const MASKED = 'Something went wrong inside the server.'
const INSIDE = /prisma|postgres|select |insert |relation "|\.ts\b|node_modules|ECONN|at .*\(/i

/** Errors say only that a disturbance has passed, or that the token has; nothing of the inside. */
function errorFaults({ calls, followers }: Recording): Violation[] {
  const told = [
    ...calls.flatMap(({ answer, returnedAt, requestId }) =>
      answer.kind === 'error' ? [{ ...answer, to: returnedAt, who: requestId, ends: Infinity }] : [],
    ),
    ...followers.flatMap(({ sessions, name }) =>
      sessions.flatMap(({ ending, expiresAt }) =>
        ending?.by === 'error'
          ? [{ ...ending, code: String(ending.code), to: ending.at, who: name, ends: expiresAt }]
          : [],
      ),
    ),
  ]
  return told.flatMap(({ code, message, to, who, ends }) => {
    const fits = code === 'UNAUTHENTICATED' ? to >= ends : code === 'SERVICE_UNAVAILABLE'
    return [
      ...(fits ? [] : [{ check: 'error', text: `${who} was told ${code}: ${message}`, at: to }]),
      ...(isLeak(code, message) ? [{ check: 'leak', text: `${who} was told ${message}`, at: to }] : []),
    ]
  })
}

const isLeak = (code: string, message: string): boolean =>
  INSIDE.test(message) || (code === 'INTERNAL_SERVER_ERROR' && !message.startsWith(MASKED))

/** A socket is closed for a reason that its code names. */
function closeFaults({ followers, disruptions }: Recording): Violation[] {
  const during = (kind: DisruptionKind, { side, openedAt }: Session, at: Instant) =>
    disruptions.some(
      (one) =>
        one.kind === kind &&
        (one.side === null || one.side === side) &&
        one.from <= at &&
        openedAt <= one.to + AFTERMATH_MS,
    )
  return followers.flatMap(({ name, sessions }) =>
    sessions.flatMap((session) => {
      const { ending, expiresAt } = session
      if (ending?.by !== 'close') return []
      const { code, at, message } = ending
      const fits: Readonly<Record<string, boolean>> = {
        1001: during('stop', session, at),
        // Without a word: the connection broke. 4504 is the client's own: nobody answered.
        1006: true,
        4504: true,
        4403: at >= expiresAt - CLOCK_MS,
      }
      if (fits[String(code)]) return []
      const text = `${name} was cut off with ${code} ${message}, ${at - expiresAt} ms after its token ended`
      return [{ check: 'close', text, at }]
    }),
  )
}
