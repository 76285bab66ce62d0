import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { startupOptions } from '../../../src/data/connection/session.ts'
import { postgresSql } from '../../../src/data/database/statement.ts'
import { createOptimisticCommits, saveTogether } from '../../../src/data/decisions/commit-together.ts'
import type { Decision } from '../../../src/data/services.ts'
import { newCommand } from '../../../src/domain/command.ts'
import { commandUpdated, sharingEvent } from '../../../src/domain/log/event.ts'
import type { NewEvent } from '../../../src/domain/log/event.ts'
import { newPostgresDatabase } from '../../support/databases.ts'
import { aSharing, aVehicle } from '../../support/sharings.ts'

const MANY = 24
const [OWNER, PARTNER, STRANGER] = ['owner', 'partner', 'stranger']
/** What may keep a decision from being written, and what does not. */
const LEFT_OUT = ['has changed', 'is too late', 'is held', 'is read by a writer', 'is with a stranger'] as const
const WRITTEN = ['has no end', 'ends later', 'is referred to'] as const
const ALL = [...LEFT_OUT, ...WRITTEN] as const
type Kind = (typeof ALL)[number]

let pool: pg.Pool
let holder: pg.PoolClient
beforeAll(async () => {
  const connectionString = await newPostgresDatabase(inject('postgresUrl'))
  pool = new pg.Pool({ connectionString, options: startupOptions(null, 'public', 0), max: 2 })
  holder = await pool.connect()
  await holder.query(`INSERT INTO fleet (id, name) VALUES ('owner', 'o'), ('partner', 'p'), ('stranger', 's');
    INSERT INTO partnership (fleet_id, partner_id, created_at) VALUES ('owner', 'partner', now())`)
})
afterAll(async () => {
  holder.release()
  await pool.end()
})

/** A number from 0 to `below`, the same in each run. */
function numbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((state / 2_147_483_648) * below)
  }
}

type Case = { readonly kind: Kind; readonly decision: Decision }

async function newCase(kind: Kind, random: (below: number) => number): Promise<Case> {
  const at = Date.now()
  const vehicle = aVehicle({ id: randomUUID(), ownerId: OWNER })
  const { rows } = await holder.query<{ version: string }>(
    `INSERT INTO vehicle (id, owner_id, supported_commands, created_at, last_instant, use)
      VALUES ($1, $2, '{}', now(), now() - INTERVAL '1 hour', '{"since": 1}') RETURNING xmin::text AS version`,
    [vehicle.id, OWNER],
  )
  const moment = { at, requestId: kind }
  const commands = Array.from({ length: random(4) }, () =>
    newCommand(vehicle, OWNER, null, { id: randomUUID(), type: 'DRAW_ATTENTION', timeoutSeconds: 60 }, at),
  )
  const isShared = kind === 'is with a stranger' || random(2) === 0
  const partnerId = kind === 'is with a stranger' ? STRANGER : PARTNER
  const sharing = aSharing({ id: randomUUID(), vehicleId: vehicle.id, startsAt: at, endsAt: null, partnerId })
  const events: NewEvent[] = commands.map((command) => commandUpdated(command, moment))
  if (isShared) events.splice(random(events.length + 1), 0, sharingEvent('SHARING_SCHEDULED', sharing, moment))
  const use = [undefined, null, { since: at, fleetId: OWNER, reference: 'mine' }][random(3)]
  const version = kind === 'has changed' ? '1' : (rows[0]?.version ?? '')
  const validUntil = kind === 'is too late' ? at - 1 : kind === 'has no end' ? null : at + 60_000
  const actor = random(2) === 0 ? null : { fleetId: OWNER, subject: null }
  const changes = {
    sharings: new Map(isShared ? [[sharing.id, { row: sharing, isNew: true }]] : []),
    commands: new Map(commands.map((row) => [row.id, { row, isNew: true }])),
    use,
  }
  return { kind, decision: { vehicle, version, validUntil, moment, changes, events, actor } }
}

const LOCKS: Partial<Record<Kind, string>> = {
  'is held': 'FOR UPDATE',
  'is read by a writer': 'FOR SHARE',
  'is referred to': 'FOR KEY SHARE',
}

const rowsOf = async <Row extends pg.QueryResultRow>(text: string, ids: readonly string[]): Promise<Row[]> =>
  (await pool.query<Row>(text, [ids])).rows

it.each(Array.from({ length: 12 }, (_, seed) => seed))(
  'of decisions written at once each is whole, in its order, or left out: %i',
  async (seed) => {
    const random = numbers(seed)
    const cases: Case[] = []
    for (let n = 0; n < MANY; n++) cases.push(await newCase(ALL[random(ALL.length)] ?? 'ends later', random))
    await holder.query('BEGIN')
    for (const { kind, decision } of cases) {
      const lock = LOCKS[kind]
      if (lock) await holder.query(`SELECT FROM vehicle WHERE id = $1 ${lock}`, [decision.vehicle.id])
    }
    const decisions = cases.map(({ decision }) => decision)
    const { query } = postgresSql(pool, true)
    const written = await saveTogether(query, decisions)
    await holder.query('COMMIT')

    const isWritten = ({ kind }: Case) => WRITTEN.some((one) => one === kind)
    const wanted = cases.filter(isWritten).map(({ decision }) => decision)
    expect([...written.keys()].toSorted()).toEqual(wanted.map(({ vehicle }) => vehicle.id).toSorted())
    const ids = decisions.map(({ vehicle }) => vehicle.id)
    const events = await rowsOf<{ position: string; tag: number; subject: string }>(
      `SELECT position, tag, concat_ws(' ', vehicle_id, type, command_id, sharing_id) AS subject FROM event
        WHERE vehicle_id = ANY($1) ORDER BY position`,
      ids,
    )
    const told = decisions.flatMap(({ vehicle }) => written.get(vehicle.id) ?? [])
    const subjectOf = (event: NewEvent) =>
      [
        event.vehicleId,
        event.type,
        ...('commandId' in event ? [event.commandId] : []),
        ...('sharingId' in event ? [event.sharingId] : []),
      ].join(' ')
    expect(
      told.map((event) => ({ position: String(event.position), tag: event.tag, subject: subjectOf(event) })),
    ).toEqual(events)
    expect(told.map(subjectOf)).toEqual(wanted.flatMap((decision) => decision.events.map(subjectOf)))
    const vehicles = await rowsOf<{ id: string; use: object | null; young: boolean }>(
      `SELECT id, use, last_instant > now() - INTERVAL '30 minutes' AS young FROM vehicle WHERE id = ANY($1)`,
      ids,
    )
    const byId = new Map(vehicles.map((row) => [row.id, row]))
    for (const one of cases) {
      const row = byId.get(one.decision.vehicle.id)
      const { use } = one.decision.changes
      expect([row?.young, row?.use], one.kind).toEqual([
        isWritten(one),
        !isWritten(one) || use === undefined ? { since: 1 } : use,
      ])
    }
    const [counts] = await rowsOf<{ commands: number; sharings: number; audited: string[] | null }>(
      `SELECT (SELECT count(*)::int FROM command WHERE vehicle_id = ANY($1)) AS commands,
        (SELECT count(*)::int FROM sharing WHERE vehicle_id = ANY($1)) AS sharings,
        (SELECT array_agg(DISTINCT vehicle_id ORDER BY vehicle_id) FROM audit WHERE vehicle_id = ANY($1)) AS audited`,
      ids,
    )
    const sum = (count: (decision: Decision) => number) => wanted.reduce((total, one) => total + count(one), 0)
    expect({ ...counts, audited: counts?.audited ?? [] }).toEqual({
      commands: sum(({ changes }) => changes.commands.size),
      sharings: sum(({ changes }) => changes.sharings.size),
      audited: wanted
        .filter(({ actor, changes }) => actor && changes.commands.size + changes.sharings.size > 0)
        .map(({ vehicle }) => vehicle.id)
        .toSorted(),
    })
  },
)

it('decisions that come at once get positions in the order in which they come', async () => {
  const random = numbers(1)
  const cases: Case[] = []
  while (cases.length < MANY) {
    const one = await newCase('ends later', random)
    if (one.decision.events.length > 0) cases.push(one)
  }
  const commit = createOptimisticCommits(postgresSql(pool, true).query)
  const answered: number[] = []
  await Promise.all(
    cases.map(async ({ decision }) => {
      for (const { position } of (await commit(decision)) ?? []) answered.push(position)
    }),
  )
  expect(answered).toHaveLength(cases.flatMap(({ decision }) => decision.events).length)
  expect(answered).toEqual(answered.toSorted((a, b) => a - b))
})
