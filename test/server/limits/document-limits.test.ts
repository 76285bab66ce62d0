import { getIntrospectionQuery, parse } from 'graphql'
import { describe, expect, it } from 'vitest'
import { placeBefore } from '../../support/following.ts'
import { openAcknowledged } from '../../support/raw.ts'
import { serverForAll } from '../../support/server.ts'
import { FOLLOW } from '../../support/sockets.ts'
import { sendOver, TRANSPORTS } from '../../support/transports.ts'
import { makeWorld } from '../../support/world.ts'

const server = await serverForAll()
const world = await makeWorld(server)

const times = (count: number, text: (n: number) => string) => Array.from({ length: count }, (_, n) => text(n)).join(' ')

const sized = (bytes: number) => `{ viewer { roles } } #${'é'.repeat((bytes - 22) / 2)}`

const tokens = (count: number) => {
  const document = (ids: number) => `{ vehicles(filter: { ids: [${'1 '.repeat(ids)}] }) { nodes { id } } }`
  return document(count - (parse(document(0)).tokenCount ?? 0))
}

/** On the way down a vehicle and one of its sharings take turns. */
const STEPS = [
  ['Vehicle', 'sharing'],
  ['Sharing', 'vehicle'],
] as const
const step = (n: number) => STEPS[n % 2 === 0 ? 0 : 1]

const deep = (depth: number) => {
  const below = (n: number): string => (n === depth - 2 ? 'id' : `${step(n)[1]} { ${below(n + 1)} }`)
  return `{ vehicle(id: "NONE") { ${below(0)} } }`
}

/** The same, each level behind a fragment. */
const deepInFragments = (depth: number) => {
  const fragment = (n: number) => {
    const [on, to] = step(n)
    return `fragment F${n} on ${on} { ${to} { ${n === depth - 3 ? 'id' : `...F${n + 1}`} } }`
  }
  return `{ vehicle(id: "NONE") { ...F0 } } ${times(depth - 2, fragment)}`
}

/** Of which all but a few come from a fragment. */
const spread = (fields: number) => {
  const spreads = Math.floor((fields - 2) / 5)
  const rest = fields - 2 - spreads * 5
  return `{ vehicles { nodes { ${'...V '.repeat(spreads)} ${'... on Vehicle { id } '.repeat(rest)} } } }
    fragment V on Vehicle { id name vin brand model }`
}

/** All of them left out: the document is validated with them. */
const skipped = (fields: number) => spread(fields).replace('vehicles', 'vehicles @skip(if: true)')

const aliased = (count: number) => `{ ${times(count, (n) => `a${n}: __typename`)} }`
const repeated = (count: number) => `{ __typename ${'__typename '.repeat(count)} }`
const directed = (count: number) => `{ viewer { ${'roles @include(if: true) '.repeat(count)} } }`
const lined = (count: number) => `${'\n'.repeat(count - 1)}{ viewer { roles } }`
const named = (count: number) => times(count, (n) => `query Q${n} { viewer { roles } }`)

/** How a document is made that has so much, how much it may have, and how one more is refused. */
const CASES: readonly [string, (count: number) => string, number, RegExp][] = [
  ['bytes', (bytes) => sized(bytes - (bytes % 2)), 50_001, /^The document has 50002 bytes: the limit is 50,000\.$/],
  ['lines', lined, 2_000, /^The document has 2001 lines: the limit is 2,000\.$/],
  ['tokens', tokens, 1_000, /1000 tokens/],
  ['levels of fields', deep, 12, /^The operation is 13 fields deep: the limit is 12\.$/],
  ['levels in fragments', deepInFragments, 12, /^The operation is 13 fields deep: the limit is 12\.$/],
  ['aliases', aliased, 50, /^The document has 51 aliases and repeated fields: the limit is 50\.$/],
  ['repeated fields', repeated, 50, /^The document has 51 aliases and repeated fields: the limit is 50\.$/],
  ['fields', spread, 500, /the operation has 501 fields: the limit is 500\.$/],
  ['skipped fields', skipped, 500, /the operation has 501 fields: the limit is 500\.$/],
  ['directives', directed, 20, /^The document has 21 directives: the limit is 20\.$/],
  ['operations', named, 10, /^The document has 11 operations: the limit is 10\.$/],
]

describe.each(TRANSPORTS)('a document over %s', (transport) => {
  const send = (query: string) => {
    const params = { query, ...(query.includes('Q9') ? { operationName: 'Q9' } : {}) }
    return sendOver(transport)(server.url, world.as.owner, params)
  }
  // A URL is shorter than that.
  const cases = CASES.filter(([what]) => transport !== 'GET' || what !== 'bytes')

  it.each(cases)('may have so many %s, and no more', async (_what, make, limit, message) => {
    expect((await send(make(limit))).errors).toBeUndefined()
    const { data, errors, status } = await send(make(limit + 1))
    expect(data).toBeUndefined()
    expect(errors).toEqual([
      expect.objectContaining({ message: expect.stringMatching(message), extensions: { code: 'BAD_USER_INPUT' } }),
    ])
    expect(status).toBe({ POST: 400, 'POST again': 400, GET: 400, SSE: 200, WebSocket: null }[transport])
  })

  it('is refused for fragments that amount to more than anybody can count', async () => {
    const level = (n: number) => {
      const [on, to] = step(n)
      const below = n === 23 ? '{ id }' : `{ ...F${n + 1} }`
      return `fragment F${n} on ${on} { a: ${to} ${below} b: ${to} ${below} }`
    }
    const started = performance.now()
    const { errors } = await send(`{ vehicle(id: "NONE") { ...F0 } } ${times(24, level)}`)
    expect(errors).toMatchObject([{ message: expect.stringContaining('50331647 fields') }])
    expect(performance.now() - started).toBeLessThan(5_000)
  })

  it('is refused for fragments that spread each other', async () => {
    const circle = 'fragment A on Vehicle { id ...B } fragment B on Vehicle { name ...A }'
    const { errors } = await send(`{ vehicle(id: "NONE") { ...A } } ${circle}`)
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
  })

  it('with many mistakes gets five errors', async () => {
    const { errors } = await send(`{ ${times(40, (n) => `nothing${n}`)} }`)
    expect(errors).toHaveLength(5)
    expect(errors?.[4]?.message).toMatch(/Too many validation errors/)
  })

  it('that tools read the schema with is let pass', async () => {
    const options = { specifiedByUrl: true, directiveIsRepeatable: true, inputValueDeprecation: true, oneOf: true }
    const { data } = await send(getIntrospectionQuery({ ...options, schemaDescription: true }).replaceAll(/\s+/g, ' '))
    expect(data.__schema.types.length).toBeGreaterThan(20)
  })
})

it('the total of objects over all pages is bounded, too', async () => {
  const many = times(40, (n) => `a${n}: fleet { id }`)
  const query = `{ vehicles(first: 100) { nodes { sharings(first: 100) { nodes { vehicle { ...V } } } } } }
    fragment V on Vehicle { ${many} }`
  for (const transport of TRANSPORTS) {
    const { errors } = await sendOver(transport)(server.url, world.as.owner, { query })
    expect(errors?.[0]?.message).toMatch(/^The operation amounts to \d+ objects: the limit is 200,000\.$/)
  }
})

it('an empty page counts as a node, and a variable is one that is given', async () => {
  const empty = `{ vehicles(first: 100) { nodes { sharings(first: 100) { nodes { vehicle {
    a: sharings(first: 0) { nodes { id } } b: sharings(first: 0) { nodes { id } } } } } } } }`
  const inherited = `query ($toString: Int = 500, $valueOf: Int = 100) { vehicleEvents(first: $toString) { nodes { vehicle {
    sharings(first: $valueOf) { nodes { id } } } } } }`
  for (const query of [empty, inherited]) {
    const { errors } = await sendOver('POST')(server.url, world.as.owner, { query })
    expect(errors?.[0]?.message).toMatch(/^The pages multiply to \d+ nodes: the limit is 10,000\.$/)
  }
})

it('a result with many failures has five errors', async () => {
  const values = Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`v${n}`, {}]))
  const declared = times(30, (n) => `$v${n}: ID!`)
  const used = times(30, (n) => `a${n}: vehicle(id: $v${n}) { id }`)
  for (const transport of TRANSPORTS) {
    const params = { query: `query (${declared}) { ${used} }`, variables: values }
    const { errors } = await sendOver(transport)(server.url, world.as.owner, params)
    expect(errors).toHaveLength(5)
  }
})

it('a subscription is held to the same', async () => {
  const query = `subscription { vehicleEvents { ${times(51, (n) => `a${n}: id`)} } }`
  for (const transport of ['SSE', 'WebSocket'] as const) {
    const { errors } = await sendOver(transport)(server.url, world.as.owner, { query })
    expect(errors).toMatchObject([{ message: expect.stringContaining('the limit is 50.') }])
  }
})

it('a refusal leaves other operations of the socket alone', async () => {
  const { after } = await placeBefore(server.url, world.as.owner)
  const { send, message, socket } = await openAcknowledged(server.url, world.as.owner)
  send({ id: 'follow', type: 'subscribe', payload: { query: FOLLOW, variables: { after } } })
  await message(({ id }) => id === 'follow')
  for (const [n, [, make, limit]] of CASES.entries())
    send({ id: `r${n}`, type: 'subscribe', payload: { query: make(limit + 1) } })
  for (const [n] of CASES.entries()) expect((await message(({ id }) => id === `r${n}`)).type).toBe('error')
  const vehicleId = await world.newVehicle()
  await message(({ id, payload }) => id === 'follow' && JSON.stringify(payload).includes(vehicleId))
  socket.close()
})
