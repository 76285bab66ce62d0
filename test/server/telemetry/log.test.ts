import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { expect, inject, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { ask, mutations, post, run } from '../../support/api.ts'
import { newPostgresDatabase, sql } from '../../support/databases.ts'
import { startNode } from '../../support/process.ts'
import { ISSUER, newKey, startProvider } from '../../support/provider.ts'
import type { SigningKey } from '../../support/provider.ts'
import { openAcknowledged, connectWith } from '../../support/raw.ts'
import { FOLLOW, subscribeSse } from '../../support/sockets.ts'

/** In a vehicle's papers, and in what its makers' fleets send by mistake. */
const VINS = ['WVWZZZ1JZXW000001', 'WVWZZZ1JZXW000002', 'WVWZZZ1JZXW000003', 'WVWZZZ1JZXW000004']

type Line = { readonly level: number; readonly msg: string; readonly requestId?: string; readonly err?: object }

it('the log of a busy server that also fails holds no token and no number of a vehicle, and one line for each failure', async () => {
  const key = await newKey('ES256', 'key')
  const provider = await startProvider(key)
  onTestFinished(provider.stop)
  const tokens: string[] = []
  const sign = async (...args: Parameters<SigningKey['sign']>) => {
    const token = await key.sign(...args)
    tokens.push(token)
    return token
  }
  const failed = { query: randomUUID(), mutation: randomUUID(), socket: '' }
  const databaseUrl = await newPostgresDatabase(inject('postgresUrl'))
  const env = { ...provider.env, NODE_ENV: 'production', PORT: '0', DATABASE_URL: databaseUrl, LOG_LEVEL: 'debug' }
  const program = startNode('src/main.ts', env)
  const url = (await program.line(/FleetShare listens on (http:\S+)\/graphql/))[1]?.replace(/".*/, '') ?? ''
  const admin = await sign({ roles: ['admin'], sub: 'somebody' })
  const { fleet } = await run(url, admin, 'createFleet', { name: 'Fleet' })
  const manager = await sign({ fleet_id: fleet.id, roles: ['manager'] })

  const { vehicle } = await run(url, manager, 'createVehicle', { vin: VINS[0] })
  for (let nth = 0; nth < 3; nth++) await ask(url, manager, '{ vehicles { nodes { id vin } } }')
  const update = mutations.updateVehicle
  await post(url, manager, update, { input: { id: vehicle.id, vin: { wrong: VINS[1] } } })
  await post(url, manager, `{ vehicle(id: "${VINS[1]}") { nothing } }`)
  const { socket, send, message } = await openAcknowledged(url, manager)
  send({ id: '1', type: 'subscribe', payload: { query: `{ vehicle(id: "${VINS[1]}") { id } }` } })
  await message(({ type }) => type === 'complete')

  // Those who come with what is no token, or none any more, or in the wrong place.
  await post(url, await sign({ roles: ['admin'], exp: 1 }), '{ viewer { roles } }')
  await post(url, await sign({ roles: ['admin'], iss: `${ISSUER}/other` }), '{ viewer { roles } }')
  await post(url, `${manager}x`, '{ viewer { roles } }')
  await connectWith(url, { Authorization: `Bearer ${manager}x` })
  await fetch(`${url}/graphql?access_token=${manager}&query={viewer{roles}}`)
  const inUrl = new WebSocket(`${url.replace('http', 'ws')}/graphql?token=${manager}`, 'graphql-transport-ws')
  await once(inUrl, 'open')
  inUrl.send(`{"type":"connection_init","payload":{"Authorization":"${manager}`)
  await once(inUrl, 'close')

  // PostgreSQL tells of the row that it refuses, and what a trigger says may name anything.
  await sql(
    databaseUrl,
    `ALTER TABLE vehicle ADD CONSTRAINT refused CHECK (brand <> 'refused');
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'no vehicle %, says %', NEW.vin, '${manager}'; END $$;
      CREATE TRIGGER refuse BEFORE UPDATE ON vehicle FOR EACH ROW EXECUTE FUNCTION refuse();`,
  )
  const create = { input: { brand: 'refused', vin: VINS[2] } }
  await post(url, manager, mutations.createVehicle, create, { 'X-Request-Id': failed.mutation })
  send({
    id: '2',
    type: 'subscribe',
    payload: { query: update, variables: { input: { id: vehicle.id, vin: VINS[3] } } },
  })
  const answer = await message(({ id, type }) => id === '2' && type === 'next')
  failed.socket = JSON.stringify(answer).match(/"requestId":"([\w-]+)"/)?.[1] ?? ''
  socket.close()
  await sql(databaseUrl, 'ALTER TABLE event RENAME TO wreckage; DROP FUNCTION log_end')
  const history = '{ vehicleEvents { nodes { id } } }'
  await post(url, manager, history, {}, { 'X-Request-Id': failed.query })
  await (
    await subscribeSse(url, manager, FOLLOW)
  ).ended

  program.child.kill('SIGTERM')
  await program.ended

  const printed = [...program.lines, ...program.complaints].join('\n')
  for (const vin of VINS) expect(printed).not.toContain(vin)
  expect(tokens).toHaveLength(4)
  for (const token of tokens) for (const part of token.split('.')) expect(printed).not.toContain(part)

  const lines = program.lines.map((line) => JSON.parse(line) as Line)
  for (const id of [failed.query, failed.mutation, failed.socket]) {
    const told = lines.filter(({ level, requestId }) => level >= 50 && requestId === id)
    expect([id, told.map(({ msg }) => msg)]).toEqual([id, ['an operation failed']])
    expect(told[0]?.err).toMatchObject({ message: expect.any(String), stack: expect.stringContaining('at ') })
  }
  // The fourth is the stream that could not be opened; it has an id of the server's own.
  expect(lines.filter(({ level, requestId }) => level >= 50 && requestId !== undefined)).toHaveLength(4)

  const requests = lines.filter(({ level, msg }) => level === 20 && msg === 'request')
  expect(requests.length).toBeGreaterThan(10)
  const seen = { requestId: failed.query, method: 'POST', path: '/graphql', status: 200 }
  expect(requests).toContainEqual(expect.objectContaining(seen))
  expect(program.complaints).toEqual([])
})
