import { beforeAll, describe, expect, it } from 'vitest'
import { ask, run } from '../support/api.ts'
import type { Answer, mutations, Variables } from '../support/api.ts'
import { DATABASE_KINDS, serverForAll } from '../support/server.ts'
import { stored } from '../support/stored.ts'
import { makeWorld } from '../support/world.ts'

describe.each(DATABASE_KINDS)('an admin on %s', async (database) => {
  const server = await serverForAll({ database })
  const world = await makeWorld(server)

  const mutate = (name: keyof typeof mutations, input: Variables): Promise<Answer['data']> =>
    run(server.url, world.as.admin, name, input)
  const create = (input: Variables) => mutate('createFleet', input)

  /** For what has to be refused. @returns the answer, after seeing that nothing has changed */
  async function refused(name: keyof typeof mutations, input: Variables): Promise<Answer['data']> {
    const before = await stored(server)
    const answer = await mutate(name, input)
    expect(await stored(server)).toEqual(before)
    return answer
  }

  describe('creates a fleet', () => {
    it('under an id that the server chooses', async () => {
      for (const input of [{ name: 'Chosen 1' }, { id: null, name: 'Chosen 2' }]) {
        const { __typename, fleet } = await create(input)
        expect(__typename).toBe('CreateFleetSuccess')
        expect(fleet).toEqual({ id: expect.stringMatching(/^[0-9A-Z]{5,}$/), name: input.name })
      }
    })

    it.each(['a', '78LMK', 'fleet_of-1', '-', 'x'.repeat(64)])('under the id %s, which works in tokens', async (id) => {
      expect(await create({ id, name: `Fleet ${id}` })).toMatchObject({ fleet: { id, name: `Fleet ${id}` } })
      const viewer = await ask(server.url, await server.token(id, 'viewer'), '{ viewer { fleet { id name } } }')
      expect(viewer).toEqual({ viewer: { fleet: { id, name: `Fleet ${id}` } } })
    })

    it('under a number, as ids may be written', async () => {
      expect(await create({ id: 4711, name: 'Number' })).toMatchObject({ fleet: { id: '4711' } })
    })

    it.each(['', ' ', 'a b', 'é', '🛵', 'a.b', 'a/b', 'a\n', 'x'.repeat(65), 'a\0', '\ud800'])(
      'but not under the id %j',
      async (id) => {
        const answer = await refused('createFleet', { id, name: 'Never' })
        expect(answer).toMatchObject({ __typename: 'InputError', code: 'INVALID_INPUT', path: ['id'] })
      },
    )

    it('with any name up to 200 characters', async () => {
      for (const name of [' ', 'x'.repeat(200), '🛵'.repeat(200), 'e\u0301', '\u00e9']) {
        expect(await create({ name })).toMatchObject({ fleet: { name } })
      }
    })

    it.each(['', 'x'.repeat(201), '🛵'.repeat(201), 'a\0', '\ud800'])('but not with the name %j', async (name) => {
      for (const input of [{ name }, { id: 'never', name }]) {
        const answer = await refused('createFleet', input)
        expect(answer).toMatchObject({ __typename: 'InputError', code: 'INVALID_INPUT', path: ['name'] })
      }
    })

    it('but not twice under one id or one name, where upper and lower case differ', async () => {
      await create({ id: 'Taken', name: 'Taken name' })
      for (const input of [
        { id: 'Taken', name: 'Another name' },
        { id: 'Another', name: 'Taken name' },
        { id: 'Taken', name: 'Taken name' },
        { name: 'Taken name' },
      ]) {
        expect(await refused('createFleet', input)).toMatchObject({ __typename: 'RequestError', code: 'CONFLICT' })
      }
      expect(await create({ id: 'taken', name: 'taken name' })).toMatchObject({ fleet: { id: 'taken' } })
    })

    it('once, when it is asked for many times at once', async () => {
      for (const input of [{ name: 'At once' }, { id: 'at-once', name: 'At once, with id' }]) {
        const answers = await Promise.all(Array.from({ length: 10 }, () => create(input)))
        const outcomes = answers.map(({ code, __typename }): string => code ?? __typename).toSorted()
        expect(outcomes).toEqual([...Array.from({ length: 9 }, () => 'CONFLICT'), 'CreateFleetSuccess'])
      }
    })
  })

  describe('registers and ends partnerships', () => {
    let a: string
    let b: string
    beforeAll(async () => {
      a = (await create({ name: 'Side A' })).fleet.id
      b = (await create({ name: 'Side B' })).fleet.id
    })

    const partners = async (fleetId: string) => {
      const query = 'query ($id: ID!) { partnersOf(fleetId: $id) { nodes { id } } }'
      const admins = await ask(server.url, world.as.admin, query, { id: fleetId })
      const token = await server.token(fleetId, 'viewer')
      const own = await ask(server.url, token, '{ sharingPartners { nodes { id } } }')
      expect(own.sharingPartners).toEqual(admins.partnersOf)
      return admins.partnersOf.nodes.map(({ id }: { id: string }) => id)
    }

    it('for both fleets, in the order given, and repeating it changes nothing', async () => {
      const success = { __typename: 'PartnershipSuccess' }
      const registered = await mutate('registerPartnership', { fleetIds: [b, a] })
      expect(registered).toMatchObject({ ...success, fleets: [{ id: b }, { id: a }] })
      expect([await partners(a), await partners(b)]).toEqual([[b], [a]])
      const before = await stored(server)
      for (const fleetIds of [
        [b, a],
        [a, b],
      ]) {
        const again = await mutate('registerPartnership', { fleetIds })
        expect(again).toMatchObject({ ...success, fleets: fleetIds.map((id) => ({ id })) })
      }
      expect(await stored(server)).toEqual(before)
      for (const fleetIds of [
        [a, b],
        [b, a],
      ]) {
        expect(await mutate('endPartnership', { fleetIds })).toMatchObject(success)
        expect([await partners(a), await partners(b)]).toEqual([[], []])
      }
    })

    it('and leaves the partnerships with other fleets alone', async () => {
      await mutate('registerPartnership', { fleetIds: [a, world.owner] })
      await mutate('registerPartnership', { fleetIds: [a, b] })
      await mutate('endPartnership', { fleetIds: [b, a] })
      expect([await partners(a), await partners(b)]).toEqual([[world.owner], []])
      expect(await partners(world.owner)).toEqual(expect.arrayContaining([a, world.partner]))
    })

    describe.each(['registerPartnership', 'endPartnership'] as const)('but %s', (name) => {
      it('takes exactly two different fleets', async () => {
        for (const fleetIds of [[], [a], [a, a], [a, b, world.owner], [a, b, a]]) {
          const answer = await refused(name, { fleetIds })
          expect(answer).toMatchObject({ __typename: 'InputError', code: 'INVALID_INPUT', path: ['fleetIds'] })
        }
      })

      it('takes no fleet that does not exist', async () => {
        for (const unknown of ['nobody', '', 'x\0', '\ud800']) {
          for (const fleetIds of [
            [a, unknown],
            [unknown, a],
          ]) {
            expect(await refused(name, { fleetIds })).toMatchObject({ code: 'FLEET_NOT_FOUND' })
          }
        }
      })
    })
  })

  it('finds no partners of a fleet that does not exist', async () => {
    expect(await ask(server.url, world.as.admin, '{ partnersOf(fleetId: "nobody") { nodes { id } } }')).toEqual({
      partnersOf: { nodes: [] },
    })
  })
})
