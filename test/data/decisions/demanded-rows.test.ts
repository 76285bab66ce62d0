import { pino } from 'pino'
import { beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { createOptimisticCommits } from '../../../src/data/decisions/commit-together.ts'
import type { Requester } from '../../../src/data/decisions/decide.ts'
import type { Services } from '../../../src/data/services.ts'
import { reportOutcome } from '../../../src/data/verbs/commands.ts'
import { end, updateEnd } from '../../../src/data/verbs/sharings.ts'
import { mutations, post, run } from '../../support/api.ts'
import { commandDispatches, SEND, sendCommand } from '../../support/gateway.ts'
import { DATABASE_KINDS, serverForAll } from '../../support/server.ts'
import { makeWorld } from '../../support/world.ts'

type Line = { readonly err?: { readonly message: string }; readonly requestId?: string }

describe.each(DATABASE_KINDS)('a row that a decision names and does not find, on %s', async (database) => {
  const lines: Line[] = []
  const log = pino({ level: 'error' }, { write: (line) => lines.push(JSON.parse(line) as Line) })
  const server = await serverForAll({ database, announce: false, log })
  const world = await makeWorld(server)
  const { url, app } = server
  const { prisma, services } = app
  const { owner } = world.as
  const execute = (statement: string) => prisma.$executeRawUnsafe(statement)
  const by: Requester = {
    member: { fleetId: world.owner, role: 'MANAGER' },
    subject: null,
    requestId: 'the-request',
  }

  /** The database as a decision finds it between reading without the lock and writing: something is done first, once. */
  function beforeWriting(act: () => Promise<unknown>): Services {
    let done = false
    const query: Services['query'] = async (statement, values) => {
      if (!done && statement.name.startsWith('save')) {
        done = true
        await act()
      }
      return services.query(statement, values)
    }
    return { ...services, query, commitOptimistic: createOptimisticCommits(query) }
  }

  async function lent() {
    const vehicleId = await world.newVehicle()
    const { sharing } = await run(url, owner, 'startSharing', { vehicleId, fleetId: world.partner })
    return { vehicleId, sharingId: sharing.id as string }
  }
  /** As they are stored: the API would look for a sharing that is gone. */
  const typesOf = async (vehicleId: string) =>
    (await prisma.event.findMany({ where: { vehicleId }, orderBy: { position: 'asc' } })).map(({ type }) => type)
  const UNTOUCHED = ['VEHICLE_CHANGED', 'SHARING_STARTED']

  describe('is looked at anew, under the lock:', () => {
    it('a sharing that is gone', async () => {
      const { vehicleId, sharingId } = await lent()
      const behind = beforeWriting(() => execute(`DELETE FROM sharing WHERE id = '${sharingId}'`))
      const move = updateEnd(behind, by, { vehicleId, sharingId: undefined, endsAt: Date.now() + 3_600_000 })
      await expect(move).rejects.toMatchObject({ code: 'NOT_SHARED' })
      expect(await typesOf(vehicleId)).toEqual(UNTOUCHED)
    })

    it('a sharing that has ended', async () => {
      const { vehicleId, sharingId } = await lent()
      const behind = beforeWriting(() =>
        execute(
          `UPDATE sharing SET ended_at = clock_timestamp(), end_reason = 'ENDED_BY_OWNER' WHERE id = '${sharingId}'`,
        ),
      )
      await expect(end(behind, by, { vehicleId, sharingId, when: 'NOW' })).rejects.toMatchObject({ code: 'NOT_SHARED' })
      expect(await typesOf(vehicleId)).toEqual(UNTOUCHED)
    })

    it('a command that is over', async () => {
      const vehicleId = await world.newVehicle()
      const dispatches = await commandDispatches(url, await server.token(null, 'gateway'), [vehicleId])
      const { command } = await sendCommand(url, owner, { vehicleId, type: 'DRAW_ATTENTION' })
      await dispatches.received(1)
      dispatches.stop()
      const { id } = command
      const behind = beforeWriting(() =>
        execute(`UPDATE command SET status = 'FAILED', completed_at = clock_timestamp() WHERE id = '${id}'`),
      )
      const told = reportOutcome(behind, 'the-request', id, 'SUCCEEDED', null)
      await expect(told).rejects.toMatchObject({ code: 'CONFLICT' })
      expect(await typesOf(vehicleId)).toEqual(['VEHICLE_CHANGED', 'COMMAND_UPDATED', 'COMMAND_UPDATED'])
    })
  })

  describe('the second time is an error, and nothing happens:', () => {
    beforeAll(() => execute('CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$'))
    beforeEach(() => void lines.splice(0))

    async function losing(what: string, table: string): Promise<void> {
      await execute(`CREATE TRIGGER lose BEFORE ${what} ON ${table} FOR EACH ROW EXECUTE FUNCTION lose()`)
      onTestFinished(async () => void (await execute(`DROP TRIGGER lose ON ${table}`)))
    }

    it.each([
      ['a sharing that is moved', 'UPDATE', 'sharing', 'sharings'],
      ['a sharing that is new', 'INSERT', 'sharing', 'newSharings'],
      ['a command that is new', 'INSERT', 'command', 'newCommands'],
      ['a command that is cancelled', 'UPDATE', 'command', 'commands'],
      ['what is written of it', 'INSERT', 'audit', 'audit'],
      ['its event', 'INSERT', 'event', 'events'],
    ])('%s', async (_, verb, table, part) => {
      const { vehicleId } = await lent()
      if (part === 'newSharings') await run(url, owner, 'endSharing', { vehicleId })
      const { partner } = world.as
      if (part === 'commands') await sendCommand(url, partner, { vehicleId, type: 'DRAW_ATTENTION' })
      const before = await typesOf(vehicleId)
      const met = services.contradictions.met
      await losing(verb, table)
      const [token, query, input] =
        part === 'newSharings'
          ? [owner, mutations.startSharing, { vehicleId, fleetId: world.partner }]
          : part === 'newCommands'
            ? [partner, SEND, { vehicleId, type: 'DRAW_ATTENTION' }]
            : part === 'commands'
              ? [owner, mutations.endSharing, { vehicleId }]
              : [owner, mutations.updateSharingEnd, { vehicleId, endsAt: '2100-01-01T00:00:00Z' }]
      const { errors, headers } = await post(url, token, query, { input })
      expect(errors).toMatchObject([{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }])
      expect(JSON.stringify(errors)).not.toContain(part)
      expect(await typesOf(vehicleId)).toEqual(before)
      const said = `the records of vehicle ${vehicleId} contradict each other: part "${part}" changed 0 rows`
      const requestId = headers.get('x-request-id') ?? ''
      expect(lines.filter((line) => line.requestId === requestId)).toMatchObject([
        { err: { message: expect.stringContaining(said) as string } },
      ])
      expect(services.contradictions.met).toBe(met + 1)
    })
  })
})
