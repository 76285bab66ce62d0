import { rm } from 'node:fs/promises'
import { pino } from 'pino'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openSql } from '../../../src/data/verify/verify.ts'
import { ask } from '../../support/api.ts'
import { runOn } from '../../support/kept.ts'
import { olderDatabase } from '../../support/older.ts'
import { DATABASE_KINDS, startServer } from '../../support/server.ts'

/** The last migration before ids were unique over all types. */
const BEFORE = '20261128050000_timeline'

const UUID = '00000000-0000-4000-8000-000000000001'

/** A fleet, a vehicle and their kind: `TWIN` is a fleet and a vehicle, and the UUID is a fleet, a sharing and a command. */
const TWINS = `
  INSERT INTO fleet (id, name) VALUES ('owner', 'Owner'), ('TWIN', 'Twin'), ('${UUID}', 'Unlikely');
  INSERT INTO partnership (fleet_id, partner_id) VALUES ('owner', 'TWIN'), ('TWIN', 'owner');
  INSERT INTO vehicle (id, owner_id, name, supported_commands, speed_kmh, speed_at, last_instant, created_at)
    VALUES ('TWIN', 'owner', 'Double', '{DRAW_ATTENTION}', 7, now(), now(), now()),
      ('ALONE', 'owner', 'Single', '{}', NULL, NULL, now(), now());
  INSERT INTO sharing (id, vehicle_id, owner_id, partner_id, starts_at, start_recorded, created_at)
    VALUES ('${UUID}', 'TWIN', 'owner', 'TWIN', now() - interval '1 hour', TRUE, now());
  INSERT INTO command (id, type, status, vehicle_id, owner_id, fleet_id, sharing_id, requested_at, deadline, dispatched_at,
      completed_at)
    VALUES ('${UUID}', 'DRAW_ATTENTION', 'SUCCEEDED', 'TWIN', 'owner', 'TWIN', '${UUID}', now() - interval '9 minutes',
      now() - interval '8 minutes', now() - interval '9 minutes', now() - interval '9 minutes');
  INSERT INTO event (type, vehicle_id, owner_id, partner_id, occurred_at, recorded_at, sharing_id, facts)
    VALUES ('SHARING_STARTED', 'TWIN', 'owner', 'TWIN', now() - interval '1 hour', now(), '${UUID}', '{"endsAt":null,"endReason":null}');
  INSERT INTO event (type, vehicle_id, owner_id, partner_id, occurred_at, recorded_at, command_id, facts)
    VALUES ('COMMAND_UPDATED', 'TWIN', 'owner', 'TWIN', now(), now(), '${UUID}', '{"status":"SUCCEEDED"}');
  INSERT INTO audit (reader_id, at, action, actor_id, vehicle_id, sharing_id, request_id)
    VALUES ('owner', now(), 'START_SHARING', 'owner', 'TWIN', '${UUID}', 'request');
  INSERT INTO idempotency_key (fleet_id, mutation, key, input_hash, result_id, created_at)
    VALUES ('owner', 'startSharing', 'key', 'hash', '${UUID}', now())`

describe.each(DATABASE_KINDS)('ids on %s', (database) => {
  it('that two objects share are made different, and nothing is lost', async () => {
    const older = await olderDatabase(database, BEFORE)
    onTestFinished(() => rm(older.dataDir, { recursive: true, force: true }))
    const before = await openSql(older)
    for (const statement of TWINS.split(';\n')) await runOn(before.sql)(statement)
    await before.close()
    const warnings: string[] = []
    const log = pino({ level: 'warn' }, { write: (line: string) => warnings.push(JSON.parse(line).msg as string) })
    const { databaseUrl, dataDir } = older
    const server = await startServer({ database, dataDir, ...(databaseUrl === null ? {} : { databaseUrl }), log })
    onTestFinished(server.close)
    const token = await server.token('owner', 'manager')
    const { vehicles, vehicleEvents, auditTrail } = await ask(
      server.url,
      token,
      `{ vehicles { nodes { id name state { speedKmh { value } } sharing { id partner { id } } } }
        vehicleEvents { nodes { vehicleId vehicle { id } ... on SharingEvent { sharing { id } } ... on CommandEvent { command { id } } } }
        auditTrail { nodes { vehicleId sharing { id } } } }`,
    )
    const twin = vehicles.nodes.find(({ name }: { name: string }) => name === 'Double')
    expect(vehicles.nodes).toHaveLength(2)
    expect(twin).toMatchObject({ state: { speedKmh: { value: 7 } }, sharing: { partner: { id: 'TWIN' } } })
    const [vehicle, sharing, command] = [twin.id, twin.sharing.id, vehicleEvents.nodes[1].command.id] as string[]
    expect(new Set(['TWIN', UUID, vehicle, sharing, command]).size).toBe(5)
    expect(vehicleEvents.nodes).toEqual([
      { vehicleId: vehicle, vehicle: { id: vehicle }, sharing: { id: sharing } },
      { vehicleId: vehicle, vehicle: { id: vehicle }, command: { id: command } },
    ])
    expect(auditTrail.nodes).toEqual([{ vehicleId: vehicle, sharing: { id: sharing } }])
    expect(warnings).toEqual([
      expect.stringContaining(`vehicle TWIN has the id ${vehicle} now`),
      expect.stringContaining(`sharing ${UUID} has the id ${sharing} now`),
      expect.stringContaining(`command ${UUID} has the id ${command} now`),
    ])
    const nodes = `{ a: node(id: "TWIN") { __typename } b: node(id: "${vehicle}") { __typename }
      c: node(id: "${sharing}") { __typename } d: node(id: "ALONE") { __typename } }`
    expect(await ask(server.url, token, nodes)).toEqual({
      a: { __typename: 'Fleet' },
      b: { __typename: 'Vehicle' },
      c: { __typename: 'Sharing' },
      d: { __typename: 'Vehicle' },
    })
    const keys = await server.app.prisma.idempotencyKey.findMany()
    expect(keys.map(({ resultId }) => resultId)).toEqual([sharing])
  })

  it('are refused by the database where another object has them, and free again once that is removed', async () => {
    const server = await startServer({ database, announce: false })
    onTestFinished(server.close)
    const { fleet, vehicle } = server.app.prisma
    await fleet.create({ data: { id: 'one', name: 'One' } })
    const now = new Date()
    const data = { id: 'one', ownerId: 'one', supportedCommands: [], lastInstant: now, createdAt: now }
    await expect(vehicle.create({ data })).rejects.toThrow()
    await vehicle.create({ data: { ...data, id: 'two' } })
    await expect(fleet.create({ data: { id: 'two', name: 'Two' } })).rejects.toThrow()
    await vehicle.deleteMany()
    await fleet.create({ data: { id: 'two', name: 'Two' } })
  })
})
