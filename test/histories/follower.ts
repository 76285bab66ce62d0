import { setTimeout as sleep } from 'node:timers/promises'
import { between } from '../../src/simulator/random.ts'
import type { Follower, SeenEvent, Session } from './history.ts'
import { chance, streamOf } from './random.ts'
import { anySide } from './stage.ts'
import type { Stage } from './stage.ts'
import { TRANSPORTS } from './transports.ts'

/** Who hears nothing for so long tries elsewhere. Milliseconds. */
const SILENCE_MS = 1_500
/** Shares of the sessions that end by the client's will, and by their token's end. */
const LEAVING = 0.4
const SHORT_TOKEN = 0.3

export type Following = {
  /** Stops once the event of a request has come. @returns whether it did, within a time in milliseconds */
  readonly until: (requestId: string, limit: number) => Promise<boolean>
}

/** Follows over all breaks: whatever ends a session, the next goes on behind the last event, on any instance. */
export function follow(stage: Stage, follower: Follower): Following {
  const stopping = new AbortController()
  const seen = new Set<string | null>()
  let look = () => {}
  const running = keepFollowing(stage, follower, stopping.signal, ({ requestId }) => {
    seen.add(requestId)
    look()
  })
  return {
    until: async (requestId, limit) => {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, limit)
        look = () => {
          if (!seen.has(requestId)) return
          clearTimeout(timer)
          resolve()
        }
        look()
      })
      stopping.abort()
      await running
      return seen.has(requestId)
    },
  }
}

async function keepFollowing(
  stage: Stage,
  { name, fleetId, filter, transport, from, sessions }: Follower,
  stopping: AbortSignal,
  heard: (event: SeenEvent) => void,
): Promise<void> {
  const random = streamOf(stage.seed, name)
  let after = from
  while (!stopping.aborted) {
    const side = anySide(random)
    // Whoever takes pages is not cut off by its token's end, but refused.
    const short = transport !== 'pages' && chance(random, SHORT_TOKEN)
    const { token, expiresAt } = await stage.arena.token(
      fleetId,
      'viewer',
      short ? between(random, 300, 1_500) : 60_000,
    )
    const session: Session = {
      side,
      after,
      openedAt: Date.now(),
      expiresAt,
      deliveries: [],
      pauses: [],
      ending: null,
    }
    sessions.push(session)
    const leaving = new AbortController()
    const leave = () => leaving.abort()
    const silence = setTimeout(leave, SILENCE_MS)
    const enough = chance(random, LEAVING) ? setTimeout(leave, between(random, 100, 1_500)) : undefined
    stopping.addEventListener('abort', leave)
    const ending = await TRANSPORTS[transport]({
      url: stage.arena.urlOf(side),
      token,
      after,
      filter,
      random,
      session,
      signal: leaving.signal,
      deliver: (event) => {
        silence.refresh()
        session.deliveries.push({ event, at: Date.now() })
        after = event.cursor
        heard(event)
      },
    })
    stopping.removeEventListener('abort', leave)
    clearTimeout(silence)
    clearTimeout(enough)
    session.ending = { ...ending, at: Date.now() }
    if (!stopping.aborted) await sleep(between(random, 10, 100))
  }
}
