import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { getNamedType } from 'graphql'
import type { GraphQLInputType } from 'graphql'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createCursors } from '../../src/data/log/cursor.ts'
import { schema } from '../../src/graphql/schema.ts'
import { RULES } from '../policy/table.ts'
import { ask, run } from '../support/api.ts'
import { report, reportAt, sendCommand } from '../support/gateway.ts'
import { hostileFor, withRaw } from '../support/hostile.ts'
import { placesOf } from '../support/places.ts'
import type { Place } from '../support/places.ts'
import { openAcknowledged } from '../support/raw.ts'
import { startServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'
import { sign } from '../support/signing.ts'
import { iso, makeWorld } from '../support/world.ts'

/** Of each place beside those that are always tried. */
const RANDOM = 10
const AT_ONCE = 8
const DAY = 24 * 3_600_000

/** What an answer must not tell. None of the values that are sent has it. */
const INSIDE =
  /prisma|postgres|syntax error at|relation "|column "|violates|duplicate key|byte sequence|\bat \w+.*:\d+:\d+|\.[jt]s\b|node_modules|pg_|stack/i

const tellsNothing = (value: unknown): boolean => !INSIDE.test(JSON.stringify(value) ?? '')

let server: TestServer
/** What the server logged as an error. */
const complaints: string[] = []
let sockets: Record<string, Send>
let tokens: Record<string, string>
let right: Readonly<Record<string, unknown>>
let seen: { readonly cursors: string[]; readonly ids: string[] }
beforeAll(async () => {
  const log = pino({ level: 'error' }, { write: (line) => void complaints.push(line) })
  server = await startServer({ log })
  const { url } = server
  const { owner, partner, stranger, as, newVehicle } = await makeWorld(server)
  const gateway = await server.token(null, 'gateway')
  const vehicleId = await newVehicle()
  for (let more = 0; more < 2; more++) await newVehicle()
  await report(url, gateway, [reportAt(vehicleId, 'one', Date.now(), { speedKmh: 30 })])
  const { command } = await sendCommand(url, as.owner, { vehicleId, type: 'DRAW_ATTENTION', timeoutSeconds: 300 })
  const { sharing } = await run(url, as.owner, 'startSharing', { vehicleId, fleetId: partner })
  // Issued after whatever is revoked here: some of what is right ends all tokens up to now.
  const lasting = (roles: string, claims: object = {}) =>
    sign(server, { roles, iat: Math.floor((Date.now() + DAY) / 1000), ...claims })
  tokens = {
    manager: await lasting('manager', { fleet_id: owner }),
    admin: await lasting('admin'),
    gateway: await lasting('gateway'),
  }
  sockets = {}
  for (const [who, token] of Object.entries(tokens)) sockets[who] = await openSocket(token)
  right = {
    id: vehicleId,
    vehicleId,
    vehicleIds: [vehicleId],
    sharingId: sharing.id,
    commandId: command.id,
    fleetId: partner,
    fleetIds: [owner, partner],
    startsAt: iso(Date.now() + DAY),
    endsAt: iso(Date.now() + 2 * DAY),
    occurredAt: iso(Date.now()),
    'input.name': 'a name',
    messageId: 'two',
    latitude: 1,
    longitude: 1,
    speedKmh: 30,
    timeoutSeconds: 30,
  }
  const pages = `pageInfo { endCursor }`
  const mine = await ask(
    url,
    as.owner,
    `{ vehicles(first: 1) { ${pages} } sharings { ${pages} } sharingPartners { ${pages} } auditTrail { ${pages} }
      vehicleEvents(first: 1) { ${pages} } }`,
  )
  const { fleets } = await ask(url, as.admin, `{ fleets(first: 1) { ${pages} } }`)
  const elsewhere = createCursors(randomBytes(16)).seal(1)
  const lists = [...Object.values(mine), fleets] as { pageInfo: { endCursor: string } }[]
  seen = {
    cursors: [...lists.map(({ pageInfo }) => pageInfo.endCursor), elsewhere],
    ids: [command.id, sharing.id, partner, stranger],
  }
})
afterAll(() => server.close())

/** Known only once the world is there; what has no name here is left out where it may be. */
const fitting = (name: string, type: GraphQLInputType, path: string): unknown =>
  right?.[path] ?? (String(type).startsWith('[') === Array.isArray(right?.[name]) ? right?.[name] : undefined)

/** By name alone: what is right for them is not known yet. */
const places = placesOf(schema, () => undefined)
const names = places.map(({ name }) => name)

const whoAsks = ({ field, kind }: Place): string => {
  const needs = RULES.get(kind === 'subscription' ? `on:${field}` : field)?.needs ?? ''
  return { ADMIN: 'admin', GATEWAY: 'gateway' }[needs] ?? 'manager'
}

const outcomes = new Map<string, number>()

function look(answer: { readonly errors?: readonly { readonly extensions?: { readonly code?: string } }[] }): void {
  expect(JSON.stringify(answer)).not.toMatch(INSIDE)
  for (const { extensions } of answer.errors ?? []) {
    expect(extensions).toEqual({ code: 'BAD_USER_INPUT' })
    outcomes.set('refused', (outcomes.get('refused') ?? 0) + 1)
  }
  if (!answer.errors) outcomes.set('answered', (outcomes.get('answered') ?? 0) + 1)
}

async function overHttp(token: string, body: string): Promise<void> {
  const response = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: '*/*', Authorization: `Bearer ${token}` },
    body,
  })
  expect(response.status).toBeLessThan(500)
  look((await response.json()) as Parameters<typeof look>[0])
}

/** One socket for all that somebody asks, whatever it is. */
async function openSocket(token: string): Promise<Send> {
  const { socket, send } = await openAcknowledged(server.url, token)
  const waiting = new Map<string, (message: Message) => void>()
  let isOpen = true
  socket.on('close', (code: number) => {
    isOpen = false
    for (const resolve of waiting.values()) resolve({ type: `closed with ${code}`, payload: {} })
  })
  socket.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString()) as Message
    waiting.get(message.id ?? '')?.(message)
    waiting.delete(message.id ?? '')
  })
  let lastId = 0
  const ask = (payload: object) => {
    const id = `${++lastId}`
    return {
      id,
      answer: new Promise<Message>((resolve) => {
        waiting.set(id, resolve)
        send(withRaw(JSON.stringify({ id, type: 'subscribe', payload })))
      }),
    }
  }
  return async (payload, isSubscription) => {
    expect(isOpen).toBe(true)
    const { id, answer } = ask(payload)
    // A subscription that is let in is silent; what is asked behind it shows that the server has gone on.
    const { type, payload: told } = await (isSubscription
      ? Promise.race([answer, ask({ query: '{ viewer { roles } }' }).answer])
      : answer)
    if (isSubscription) send({ id, type: 'complete' })
    expect(type).toMatch(/^(next|error)$/)
    look(type === 'error' ? { errors: told as [] } : (told as object))
  }
}

type Message = { readonly id?: string; readonly type: string; readonly payload: unknown }
type Send = (payload: object, isSubscription: boolean) => Promise<void>

describe('nothing that a client can put into it is too much for', () => {
  it.each(names)('%s', async (name) => {
    const place = placesOf(schema, fitting).find((candidate) => candidate.name === name)
    if (!place) throw new Error(`there is no ${name}`)
    const isCursor = /\((after|before)\)$/.test(name)
    const { fixed, random } = hostileFor(place.type, isCursor ? seen.cursors : seen.ids, isCursor)
    const who = whoAsks(place)
    const { [who]: token = '' } = tokens
    const { [who]: overSocket } = sockets
    if (!overSocket) throw new Error(`nobody is ${who}`)
    const isQuery = place.kind !== 'subscription'
    const attempt = async (value: unknown, inDocument: boolean) => {
      const { query, variables } = place.withVariable(value)
      await overSocket({ query, variables }, !isQuery)
      if (!isQuery) return
      // From the third time on its text is known, and what can be goes the short way.
      await overHttp(token, withRaw(JSON.stringify({ query, variables })))
      // A text that is new goes Yoga's way.
      if (inDocument) await overHttp(token, JSON.stringify({ query: withRaw(place.withLiteral(value).query) }))
    }
    for (let next = 0; next < fixed.length; next += AT_ONCE)
      await Promise.all(fixed.slice(next, next + AT_ONCE).map((value) => attempt(value, true)))
    await fc.assert(
      fc.asyncProperty(random.filter(tellsNothing), (value) => attempt(value, false)),
      { numRuns: RANDOM },
    )
  })
})

it('accepted values can be read again', async () => {
  const { manager = '', admin = '' } = tokens
  const all = `{ vehicles { nodes { id name licensePlate vin brand model supportedCommands state { speedKmh { value } }
    sharings { nodes { id startsAt endsAt } } } } vehicleEvents(first: 500) { nodes { id occurredAt type } }
    auditTrail(first: 100) { nodes { action refusal vehicleId sharingId } } }`
  expect((await ask(server.url, manager, all)).vehicles.nodes.length).toBeGreaterThan(2)
  expect((await ask(server.url, admin, '{ fleets { nodes { id name } } }')).fleets.nodes.length).toBeGreaterThan(2)
})

it('the server has nothing to complain of', () => {
  expect(complaints).toEqual([])
  // Neither alone would tell much.
  expect(Math.min(outcomes.get('answered') ?? 0, outcomes.get('refused') ?? 0)).toBeGreaterThan(1000)
})

it('every kind of scalar and input is among the places', () => {
  const found = new Set(places.map(({ type }) => getNamedType(type).name))
  const known = Object.values(schema.getTypeMap()).filter((type) => 'getFields' in type && type.name.endsWith('Input'))
  expect([...found]).toEqual(expect.arrayContaining(['ID', 'String', 'Int', 'Float', 'Boolean', 'DateTime']))
  expect([...found]).toEqual(expect.arrayContaining(known.map(({ name }) => name)))
})
