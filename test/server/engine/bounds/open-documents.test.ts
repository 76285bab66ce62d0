import { expect, it } from 'vitest'
import { openAcknowledged } from '../../../support/raw.ts'
import { run } from '../../../support/api.ts'
import { createOpenDocuments } from '../../../../src/server/engine/bounds/open-documents.ts'
import { serverForAll } from '../../../support/server.ts'
import { makeWorld } from '../../../support/world.ts'

const operation = (key: string, tokens = 5_000) => ({ key, size: tokens * 60 })

it('the different documents of a token have a size together, and give it back with the last of their subscriptions', () => {
  const { open, find } = createOpenDocuments()
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((key) => operation(key))
  const closing = [a, b, c, d].map((one) => one && open(one, 'token'))
  expect(closing.every((close) => close !== null)).toBe(true)
  expect(open(operation('e'), 'token')).toBeNull()
  expect(open(operation('e', 1), 'token')).toBeNull()
  const again = a && open(a, 'token')
  const others = a && open(a, 'other')
  expect([again, others]).toEqual([expect.any(Function), expect.any(Function)])
  closing[0]?.()
  expect(open(operation('e'), 'token')).toBeNull()
  again?.()
  expect(find('a')).toBe(a)
  others?.()
  expect(find('a')).toBeNull()
  expect(open(operation('e'), 'token')).not.toBeNull()
})

const server = await serverForAll()
const world = await makeWorld(server)

/** About 210 tokens, of which at most 50 aliases. */
const documentOf = (nth: number) =>
  `subscription S${nth} { vehicleEvents { ${Array.from({ length: 50 }, (_, n) => `a${n}: id`).join(' ')} } }`

it('subscriptions with ever new documents are refused from a size on, and those of others and of known documents are not', async () => {
  const id = await world.newVehicle()
  const { send, message, socket } = await openAcknowledged(server.url, world.as.owner)
  const second = await openAcknowledged(server.url, world.as.owner)
  const refused = message(({ type }) => type === 'error')
  for (let nth = 0; nth < 100; nth++) {
    send({ id: `${nth}`, type: 'subscribe', payload: { query: documentOf(nth) } })
    second.send({ id: `${nth}`, type: 'subscribe', payload: { query: documentOf(100 + nth) } })
  }
  const { payload } = await Promise.race([refused, second.message(({ type }) => type === 'error')])
  expect(payload).toMatchObject([
    { message: expect.stringContaining('20,000 tokens'), extensions: { code: 'BAD_USER_INPUT' } },
  ])
  const other = await openAcknowledged(server.url, world.as.partner)
  other.send({ id: 'new', type: 'subscribe', payload: { query: documentOf(500) } })
  const third = await openAcknowledged(server.url, world.as.owner)
  third.send({ id: 'known', type: 'subscribe', payload: { query: documentOf(0) } })
  await run(server.url, world.as.owner, 'updateVehicle', { id, name: 'seen' })
  expect(await third.message((one) => one.id === 'known')).toMatchObject({ type: 'next' })
  for (const one of [socket, second.socket]) one.close()
  let attempt = 0
  await expect
    .poll(async () => {
      const own = `again ${++attempt}`
      third.send({ id: own, type: 'subscribe', payload: { query: documentOf(600) } })
      await run(server.url, world.as.owner, 'updateVehicle', { id, name: own })
      return (await third.message((one) => one.id === own)).type
    })
    .toBe('next')
  for (const one of [third.socket, other.socket]) one.close()
})
