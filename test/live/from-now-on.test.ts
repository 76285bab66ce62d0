import { parse, subscribe } from 'graphql'
import { expect, it } from 'vitest'
import { startTail } from '../../src/live/tail.ts'
import { createContext } from '../../src/graphql/base/context.ts'
import { schema } from '../../src/graphql/schema.ts'
import { startServer } from '../support/server.ts'
import { makeWorld } from '../support/world.ts'

it('a stream without a place begins where the log is when it is opened, not when it is first read', async () => {
  const server = await startServer()
  const { prisma } = server.app
  const { owner, newVehicle } = await makeWorld(server)
  await newVehicle()
  const tail = startTail(prisma, (error) => expect.fail(String(error)))
  const claims = { fleetId: owner, roles: [], issuedAt: null, subject: null, tokenId: 'a', expiresAt: Infinity }
  const contextValue = createContext(
    { prisma, tail, onRefusal: () => {} },
    {
      viewer: { ...claims, kind: 'FLEET', member: { fleetId: owner, role: 'VIEWER' } },
      requestId: 'a',
      transport: 'sse',
    },
  )
  const document = parse('subscription { vehicleEvents { vehicleId } }')
  const stream = await subscribe({ schema, document, contextValue })
  if (!(Symbol.asyncIterator in stream)) throw new Error('there is no stream')
  const vehicleId = await newVehicle()
  expect(await stream.next()).toEqual({ done: false, value: { data: { vehicleEvents: { vehicleId } } } })
  await stream.return()
  tail.stop()
  await server.close()
})
