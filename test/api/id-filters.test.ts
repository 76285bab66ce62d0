import { describe, expect, it } from 'vitest'
import { serverForAll } from '../support/server.ts'
import { sendOver, TRANSPORTS } from '../support/transports.ts'
import type { Transport } from '../support/transports.ts'
import { makeWorld } from '../support/world.ts'

const server = await serverForAll({ announce: false })
const world = await makeWorld(server)
const gateway = await server.token(null, 'gateway')

const VEHICLES = 'query ($ids: [ID!]) { vehicles(filter: { ids: $ids }) { nodes { id } } }'
const HISTORY = 'query ($ids: [ID!]) { vehicleEvents(filter: { vehicleIds: $ids }) { nodes { id } } }'
const FOLLOW = 'subscription ($ids: [ID!]) { vehicleEvents(filter: { vehicleIds: $ids }) { id } }'
const DISPATCHES = 'subscription ($ids: [ID!]) { commandDispatches(vehicleIds: $ids) { commandId } }'

/** The ids are as short as can be, for a request by GET has to fit into its first line. */
const many = (count: number) => Array.from({ length: count }, (_, n) => n.toString(36))

const OPERATIONS: readonly (readonly [name: string, query: string, token: string, most: number, argument: string])[] = [
  ['vehicles', VEHICLES, world.as.owner, 1_000, 'filter.ids'],
  ['vehicleEvents as a query', HISTORY, world.as.owner, 1_000, 'filter.vehicleIds'],
  ['vehicleEvents', FOLLOW, world.as.owner, 1_000, 'filter.vehicleIds'],
  ['commandDispatches', DISPATCHES, gateway, 10_000, 'vehicleIds'],
]

const CASES = OPERATIONS.flatMap((operation) =>
  TRANSPORTS.filter((transport) => {
    // Headers end at 16 kB; and a subscription is answered over the others alone.
    const [, query, , most] = operation
    return transport !== 'GET' || (most === 1_000 && query.startsWith('query'))
  }).flatMap((transport): [string, Transport, (typeof operation)[]][] =>
    operation[1].startsWith('subscription') && transport.startsWith('POST')
      ? []
      : [[operation[0], transport, [operation]]],
  ),
)

describe('a filter with more ids than may be', () => {
  it.each(CASES)(
    'of %s over %s is refused, and the message names the argument',
    async (_name, transport, [operation]) => {
      const [, query, token, most, argument] = operation ?? OPERATIONS[0]!
      const send = (ids: readonly string[]) => sendOver(transport)(server.url, token, { query, variables: { ids } })
      const { data, errors } = await send(many(most + 1))
      expect(data ?? null).toBeNull()
      expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
      expect(errors?.[0]?.message).toContain(`${argument} takes at most`)
      if (query.startsWith('query')) expect((await send(many(most))).errors).toBeUndefined()
    },
  )
})
