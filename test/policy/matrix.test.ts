import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { audienceOf } from '../../src/graphql/base/audience.ts'
import { schema } from '../../src/graphql/schema.ts'
import { ask } from '../support/api.ts'
import { connectWith } from '../support/raw.ts'
import { startServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'
import { stored } from '../support/stored.ts'
import { sendOver, TRANSPORTS } from '../support/transports.ts'
import type { Told, Transport } from '../support/transports.ts'
import { OPERATIONS } from './operations.ts'
import type { Asked } from './operations.ts'
import { makeScene } from './scene.ts'
import type { Scene } from './scene.ts'
import { CALLERS, RULES, verdictFor } from './table.ts'
import type { Caller, Relation } from './table.ts'

let server: TestServer
let scene: Scene
let before: Awaited<ReturnType<typeof ofScene>>
beforeAll(async () => {
  server = await startServer({ announce: false })
  scene = await makeScene(server)
  before = await ofScene()
  // From here on each of them has come before; nothing comes of it, for the fleet has no role.
  const token = await server.token(scene.partner, [])
  for (const asked of Object.values(OPERATIONS)) {
    if (kindOf(asked) === 'subscription') continue
    const variables = asked.variables(scene.standings.stranger, scene)
    for (let time = 0; time < 2; time++) await sendOver('POST')(server.url, token, { query: asked.query, variables })
  }
})
afterAll(() => server.close())

/** What is stored of the vehicles that are asked about, and of all fleets. */
async function ofScene() {
  const { vehicles, sharings, events, fleets, partnerships } = await stored(server)
  const ids = new Set(Object.values(scene.standings).map(({ vehicle }) => vehicle))
  const among = ({ vehicleId }: { vehicleId: string }) => ids.has(vehicleId)
  return {
    vehicles: vehicles.filter(({ id }) => ids.has(id)),
    sharings: sharings.filter(among),
    events: events.filter(among),
    fleets,
    partnerships,
  }
}

const kindOf = ({ query }: Asked) => /^\w+/.exec(query)?.[0] ?? 'query'

/** GET reads; a subscription needs a stream. */
const speaks = (transport: Transport, asked: Asked): boolean => {
  const kind = kindOf(asked)
  if (kind === 'subscription') return transport === 'SSE' || transport === 'WebSocket'
  return kind === 'query' || transport !== 'GET'
}

let texts = 0

async function send(transport: Transport, token: string | null, query: string, variables: object): Promise<Told> {
  if (transport === 'POST again') return sendOver('POST')(server.url, token, { query, variables })
  // A text that never came before goes Yoga's way.
  const text = transport === 'POST' ? `${query} # ${++texts}` : query
  return sendOver(transport)(server.url, token, { query: text, variables })
}

async function tokenOf({ token }: Caller, relation: Relation): Promise<string | null> {
  if (!token) return null
  const [fleet, roles] = token
  const fleetId = { its: scene.standings[relation].fleet, none: null, unknown: 'NEVER' }[fleet]
  return server.token(fleetId, roles)
}

/** @returns the word of the table for what a caller is told */
async function told(name: string, transport: Transport, caller: Caller, relation: Relation): Promise<string> {
  const asked = OPERATIONS[name]
  const rule = RULES.get(name)
  if (!asked || !rule) throw new Error(`${name} is not in the table`)
  const token = await tokenOf(caller, relation)
  const standing = { ...scene.standings[relation] }
  // Of a sharing in force the end is asked for, and waits already.
  const isSpent = verdictFor(rule, caller.grants, relation) === 'yes' && relation !== 'lent' && relation !== 'partner'
  if (asked.spends && isSpent)
    Object.assign(standing, await scene.spare(relation === 'planned' || relation === 'ahead'))
  const variables = asked.variables(standing, scene)
  if (token === null && transport === 'WebSocket') {
    return (await connectWith(server.url, {})) === 4401 ? 'UNAUTHENTICATED' : 'let in'
  }
  const { data, errors } = await send(transport, token, asked.query, variables)
  return errors ? errors.map(({ extensions }) => extensions.code).join() : asked.told(data, standing)
}

const rows = CALLERS.flatMap((caller) => caller.relations.map((relation) => ({ caller, relation })))

describe.each(TRANSPORTS)('over %s', (transport) => {
  const names = Object.keys(OPERATIONS).filter((name) => speaks(transport, OPERATIONS[name] as Asked))

  it.each(rows)('$caller.name, $relation', async ({ caller, relation }) => {
    const found = await Promise.all(names.map(async (name) => [name, await told(name, transport, caller, relation)]))
    const expected = [...RULES]
      .filter(([name]) => names.includes(name))
      .map(([name, rule]) => [name, verdictFor(rule, caller.grants, relation)])
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(expected))
  })
})

/** What viewerCan says of a mutation is what the guard of that mutation says; an input that is wrong is behind it. */
const PERMISSIONS = {
  update: 'updateVehicle',
  delete: 'deleteVehicle',
  sendCommand: 'sendCommand',
  startSharing: 'startSharing',
  updateSharingEnd: 'updateSharingEnd',
  endSharing: 'endSharing',
  setUse: 'setVehicleUse',
}

it.each(rows.filter(({ caller }) => caller.grants === 'VIEWER' || caller.grants === 'MANAGER'))(
  'viewerCan of $caller.name, $relation, foretells it',
  async ({ caller, relation }) => {
    const parts = Object.keys(PERMISSIONS).map((name) => `${name} { allowed code }`)
    const query = `query ($id: ID!) { vehicle(id: $id) { viewerCan { ${parts.join(' ')} } } }`
    const token = (await tokenOf(caller, relation)) ?? ''
    const { vehicle } = await ask(server.url, token, query, { id: scene.standings[relation].vehicle })
    const guards = Object.entries(PERMISSIONS).map(([name, mutation]) => {
      const rule = RULES.get(mutation)
      const verdict = rule ? verdictFor(rule, caller.grants, relation) : ''
      const allowed = verdict === 'yes' || verdict === 'INVALID_INPUT'
      return [name, { allowed, code: allowed ? null : verdict }] as const
    })
    const isSeen = guards.every(([, { code }]) => code !== 'VEHICLE_NOT_FOUND')
    expect(vehicle).toEqual(isSeen ? { viewerCan: Object.fromEntries(guards) } : null)
  },
)

it('a mutation by GET is refused to every viewer', async () => {
  for (const [name, asked] of Object.entries(OPERATIONS)) {
    if (kindOf(asked) !== 'mutation') continue
    for (const role of ['manager', 'admin', 'gateway']) {
      const { own } = scene.standings
      const token = await server.token(role === 'manager' ? own.fleet : null, role)
      const { status, data } = await sendOver('GET')(server.url, token, {
        query: asked.query,
        variables: asked.variables(own, scene),
      })
      expect({ name, status, data }).toEqual({ name, status: 405, data: undefined })
    }
  }
})

it('no operation of the table has changed the scene', async () => {
  expect(await ofScene()).toEqual(before)
})

it('each field of the schema says which tokens it is for, and the table agrees', () => {
  const roots = { '': schema.getQueryType(), 'on:': schema.getSubscriptionType() }
  const fields = [...Object.entries(roots), ['', schema.getMutationType()] as const].flatMap(([prefix, root]) =>
    Object.values(root?.getFields() ?? {}).map((field) => [`${prefix}${field.name}`, audienceOf(field)] as const),
  )
  const words: Readonly<Record<string, string>> = { TOKEN: 'ANY', ADMIN: 'ADMIN', GATEWAY: 'GATEWAY' }
  const expected = fields.map(([name]) => [name, words[RULES.get(name)?.needs ?? ''] ?? 'MEMBER'])
  expect(fields).toEqual(expected)
})

it('no field of the schema is missing, nor a line of the table', () => {
  const fields = [
    ...Object.keys(schema.getQueryType()?.getFields() ?? {}),
    ...Object.keys(schema.getMutationType()?.getFields() ?? {}),
    ...Object.keys(schema.getSubscriptionType()?.getFields() ?? {}).map((name) => `on:${name}`),
  ]
  expect(fields.filter((name) => !RULES.has(name))).toEqual([])
  expect(Object.keys(OPERATIONS).toSorted()).toEqual([...RULES.keys()].toSorted())
})
