import { expect, it } from 'vitest'
import { deliverEvents } from '../../src/live/catch-up.ts'
import { startTail } from '../../src/live/tail.ts'
import { createLog } from '../support/log-model.ts'

it.each(['live', 'behind'])('a subscriber that fails at an event that is %s ends alone', async (when) => {
  const log = createLog()
  const tail = startTail(log.prisma, () => {})
  const write = () => {
    log.draw('owner', null, true)
    log.settleAll()
    tail.append(log.unsaid(false))
  }
  const source = {
    fleetId: 'owner',
    matches: () => true,
    read: async (after: number, upTo: number) => ({ events: await log.read(after, upTo), upTo }),
  }
  const follow = (failsAt: number) => {
    const taken: number[] = []
    const feed = deliverEvents(tail, source, 0, ({ position }) => {
      if (position === failsAt) throw new Error('it was too much')
      taken.push(position)
      return null
    })
    return { ...feed, taken }
  }
  write()
  if (when === 'behind') write()
  const [failing, other] = [follow(2), follow(0)]
  const failed = expect(failing.ended).rejects.toThrow('it was too much')
  await expect.poll(() => [failing.taken, other.taken]).toEqual([[1], when === 'live' ? [1] : [1, 2]])
  write()
  write()
  await failed
  await expect.poll(() => other.taken).toEqual(when === 'live' ? [1, 2, 3] : [1, 2, 3, 4])
  expect(failing.taken).toEqual([1])
  other.stop()
  await other.ended
  expect(tail.progress().followers).toBe(0)
  tail.stop()
})
