import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buildSchema, introspectionFromSchema } from 'graphql'
import { expect, it, onTestFinished } from 'vitest'
import { run } from '../../support/api.ts'
import { endOfLog, readAll } from '../../support/events.ts'
import { forward } from '../../support/forward.ts'
import { serverForAll } from '../../support/server.ts'
import { makeWorld } from '../../support/world.ts'
import type { Token } from '../token.ts'
import { apolloList } from './apollo.ts'
import { plainList } from './graphql-ws.ts'
import type { Show } from './operations.ts'
import { relayList } from './relay.ts'
import { createResumingClient } from './resuming.ts'
import { urqlList } from './urql.ts'

const server = await serverForAll()
const world = await makeWorld(server)
const schema = introspectionFromSchema(
  buildSchema(await readFile(join(import.meta.dirname, '../../../schema.graphql'), 'utf8')),
)

const LISTS: readonly [string, (url: string, token: Token, show: Show) => Promise<() => void>][] = [
  ['Apollo Client', apolloList],
  ['urql', (url, token, show) => urqlList(url, token, schema, show)],
  ['Relay', relayList],
  ['graphql-ws', plainList],
]

it.each(LISTS)('a list with %s follows what happens, also while it has no connection', async (name, start) => {
  const { owner, partner } = world.as
  const lend = (vehicleId: string) => run(server.url, owner, 'startSharing', { vehicleId, fleetId: world.partner })
  const giveBack = (vehicleId: string) => run(server.url, partner, 'endSharing', { vehicleId })
  const ids = [await world.newVehicle({ name: `${name} a` }), await world.newVehicle({ name: `${name} b` })] as const
  await lend(ids[0])

  const door = await forward(server.url)
  onTestFinished(door.close)
  const lists = { owner: shown(name), partner: shown(name) }
  for (const party of ['owner', 'partner'] as const) {
    onTestFinished(await start(door.url, () => world.as[party], lists[party].show))
  }
  await lists.owner.reads('a: Partner', 'b: at home')
  await lists.partner.reads('a: Partner')

  await lend(ids[1])
  await lists.owner.reads('a: Partner', 'b: Partner')
  await lists.partner.reads('a: Partner', 'b: Partner')

  door.cut()
  await giveBack(ids[0])
  await door.open()
  await lists.owner.reads('a: at home', 'b: Partner')
  await lists.partner.reads('b: Partner')
  await giveBack(ids[1])
  await lists.partner.reads()
})

it('a client that resumes delivers each event once', async () => {
  const vehicleId = await world.newVehicle()
  const { owner, partner } = world.as
  const after = await endOfLog(server.url, owner)
  const door = await forward(server.url)
  onTestFinished(door.close)
  const client = createResumingClient(door.url, () => owner)
  onTestFinished(() => void client.dispose())
  const query = 'subscription ($after: String) { vehicleEvents(after: $after) { cursor } }'
  const events = client.iterate<{ vehicleEvents: { cursor: string } }>({ query, variables: { after } })
  const next = async () => ((await events.next()).value as { data: { vehicleEvents: { cursor: string } } }).data

  await run(server.url, owner, 'startSharing', { vehicleId, fleetId: world.partner })
  const seen = [await next()]
  door.cut()
  await run(server.url, partner, 'endSharing', { vehicleId })
  await door.open()
  seen.push(await next())
  await run(server.url, owner, 'deleteVehicle', { id: vehicleId })
  seen.push(await next())
  const cursors = (await readAll(server.url, owner, { after })).map(({ cursor }) => cursor)
  expect(seen.map(({ vehicleEvents }) => vehicleEvents.cursor)).toEqual(cursors)
  await events.return?.()
})

/** What a list shows, and a promise of what it is to show. */
function shown(prefix: string) {
  let lines: readonly string[] | null = null
  let look = () => {}
  return {
    show: (now: readonly string[]) => {
      lines = now.flatMap((line) => (line.startsWith(prefix) ? [line.slice(prefix.length + 1)] : []))
      look()
    },
    reads: (...wanted: readonly string[]) =>
      new Promise<void>((resolve) => {
        look = () => {
          if (lines?.toSorted().join('\n') === wanted.join('\n')) resolve()
        }
        look()
      }),
  }
}
