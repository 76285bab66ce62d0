import { expect, it } from 'vitest'
import { ask } from '../support/api.ts'
import { startNode } from '../support/process.ts'
import { serverForAll } from '../support/server.ts'

const server = await serverForAll()
const admin = (...args: readonly string[]) =>
  startNode('src/cli/admin.ts', { DATABASE_URL: server.settings.databaseUrl ?? '' }, ...args)

it('registers a fleet and its partnerships beside a running server, which serves the token of the fleet at once', async () => {
  const token = await server.token('NW4LS', 'manager')
  const first = admin('create-fleet', '--name', 'OldWheels', '--id', 'LDWLS')
  expect(await first.ended).toEqual({ code: 0, signal: null })
  expect([first.lines, first.complaints]).toEqual([['Fleet LDWLS "OldWheels" is registered.'], []])

  const second = admin('create-fleet', '--name', 'NewWheels', '--id', 'NW4LS', '--partner', 'LDWLS')
  expect(await second.ended).toEqual({ code: 0, signal: null })
  expect(second.lines).toEqual([
    'Fleet NW4LS "NewWheels" is registered.',
    'It may share vehicles with LDWLS "OldWheels".',
  ])
  expect(await ask(server.url, token, '{ viewer { fleet { name } } sharingPartners { nodes { id } } }')).toEqual({
    viewer: { fleet: { name: 'NewWheels' } },
    sharingPartners: { nodes: [{ id: 'LDWLS' }] },
  })
})

it('chooses an id where none is given', async () => {
  const program = admin('create-fleet', '--name', 'Nameless')
  expect(await program.ended).toEqual({ code: 0, signal: null })
  expect(program.lines).toEqual([expect.stringMatching(/^Fleet \w{5} "Nameless" is registered\.$/)])
})

it.each([
  [
    ['create-fleet', '--name', 'Taken', '--id', 'TAKEN'],
    /: Another object already has this id, or another fleet this name\.$/,
  ],
  [['create-fleet', '--name', ''], /: name must not be empty\.$/],
  [['create-fleet', '--name', 'Lonely', '--partner', 'NOSUCH'], /: No such fleet\.$/],
  [['create-fleet'], /: --name is missing$/],
  [['delete-fleet', '--id', 'TAKEN'], /: the one command is create-fleet$/],
  [[], /: the one command is create-fleet$/],
])('says in one line what is wrong with %j', async (args, complaint) => {
  await server.app.prisma.fleet.register('TAKEN', 'Taken').catch(() => {})
  const program = admin(...args)
  expect(await program.ended).toEqual({ code: 1, signal: null })
  expect(program.complaints).toEqual([expect.stringMatching(complaint)])
  expect(program.complaints[0]).toMatch(/^npm run admin: /)
})
