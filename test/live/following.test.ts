import fc from 'fast-check'
import { expect, it } from 'vitest'
import { deliverEvents } from '../../src/live/catch-up.ts'
import { startTail } from '../../src/live/tail.ts'
import { createLog } from '../support/log-model.ts'
import type { ModelLog } from '../support/log-model.ts'

const FLEETS = ['A', 'B', 'C'] as const
const fleet = fc.constantFrom(...FLEETS)
const which = fc.nat(9)

/** What may happen to a log and to those who follow it. */
const often = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary })
const step = fc.oneof(
  often(
    5,
    fc.record({ do: fc.constant('draw'), here: fc.nat(3).map((n) => n > 0), owner: fleet, partner: fc.option(fleet) }),
  ),
  often(5, fc.record({ do: fc.constant('settle'), which, commits: fc.nat(9).map((n) => n > 1) })),
  often(4, fc.record({ do: fc.constant('hand over'), reversed: fc.boolean() })),
  often(3, fc.record({ do: fc.constant('wake'), which })),
  often(1, fc.record({ do: fc.constantFrom('fail', 'stop'), which })),
  often(3, fc.record({ do: fc.constant('follow'), fleet, back: fc.nat(12), picky: fc.boolean() })),
  often(2, fc.record({ do: fc.constantFrom('pause', 'resume'), which })),
  often(6, fc.record({ do: fc.constant('rest'), turns: fc.integer({ min: 1, max: 4 }) })),
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Somebody who takes a fleet's events behind a place, and may have them wait. */
function follower(log: ModelLog, tail: ReturnType<typeof startTail>, { fleet: fleetId, back, picky }: Follow) {
  const after = Math.max(0, log.drawn() - back)
  const matches = ({ position, ownerId, partnerId }: { position: number; ownerId: string; partnerId: string | null }) =>
    (ownerId === fleetId || partnerId === fleetId) && (!picky || position % 2 === 0)
  const taken: number[] = []
  let pause: PromiseWithResolvers<void> | null = null
  let over = false
  let isWaiting = false
  const read = async (from: number, upTo: number, limit: number) => {
    // As a standby that is behind: the end of the range is read later.
    const end = upTo - from > 3 ? upTo - 2 : upTo
    const events = await log.read(from, end)
    return { events: events.filter(matches).slice(0, limit), upTo: end }
  }
  const feed = deliverEvents(tail, { fleetId, matches, read }, after, ({ position }) => {
    // Whoever has it wait gets nothing meanwhile.
    taken.push(isWaiting ? NaN : position)
    if (!pause) return null
    isWaiting = true
    return pause.promise
  })
  const end = () => (over = true)
  const ended = feed.ended.then(end, end)
  const resume = () => {
    isWaiting = false
    pause?.resolve()
    pause = null
  }
  return {
    taken,
    due: () =>
      log
        .committed()
        .filter((event) => event.position > after && matches(event))
        .map(({ position }) => position),
    isOver: () => over,
    pause: () => (pause ??= Promise.withResolvers<void>()),
    resume,
    stop: async () => {
      feed.stop()
      resume()
      await ended
    },
  }
}
type Follow = Extract<Step, { readonly back: number }>

async function run(steps: readonly Step[]): Promise<void> {
  const log = createLog()
  const tail = startTail(log.prisma, () => {})
  const followers: ReturnType<typeof follower>[] = []
  const stopped: { taken: readonly number[]; count: number }[] = []
  const one = (n: number) => followers[n % Math.max(followers.length, 1)]
  for (const made of steps) {
    if (made.do === 'draw' && 'here' in made) log.draw(made.owner, made.partner, made.here)
    else if (made.do === 'settle' && 'commits' in made) log.settle(made.which, made.commits)
    else if (made.do === 'hand over' && 'reversed' in made) tail.append(log.unsaid(made.reversed))
    else if (made.do === 'wake') tail.wake()
    else if (made.do === 'fail') log.failNext()
    else if (made.do === 'follow' && 'back' in made) followers.push(follower(log, tail, made))
    else if (made.do === 'pause' && 'which' in made) one(made.which)?.pause()
    else if (made.do === 'resume' && 'which' in made) one(made.which)?.resume()
    else if (made.do === 'stop' && 'which' in made) {
      const who = one(made.which)
      await who?.stop()
      if (who) stopped.push({ taken: who.taken, count: who.taken.length })
    } else if ('turns' in made) for (let n = 0; n < made.turns; n++) await turn()
  }
  log.settleAll()
  tail.append(log.unsaid(false))
  for (const { resume } of followers) resume()
  const isThrough = () => followers.every(({ isOver, taken, due }) => isOver() || taken.length >= due().length)
  for (let turns = 0; turns < 2_000 && !isThrough(); turns++) {
    // One that comes before anybody has joined is lost, and the next would be a fifth of a second away.
    if (turns % 20 === 0) tail.wake()
    await turn()
  }
  for (let turns = 0; turns < 10; turns++) await turn()
  for (const { isOver, taken, due } of followers) {
    expect(taken).toEqual(isOver() ? due().slice(0, taken.length) : due())
  }
  for (const { taken, count } of stopped) expect(taken).toHaveLength(count)
  for (const { stop } of followers) await stop()
  expect(tail.progress().followers).toBe(0)
  tail.stop()
}

it('each subscriber gets its events once, in order, while others write, fail, come, go or wait', async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 100, size: 'max' }), run), {
    numRuns: 2_000,
  })
})
