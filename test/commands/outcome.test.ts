import { describe, expect, it } from 'vitest'
import { post } from '../support/api.ts'
import { makeControlWorld, storyOf } from '../support/control.ts'
import { commandDispatches, outcome, OUTCOME, readCommand } from '../support/gateway.ts'
import type { Status } from '../support/gateway.ts'
import { DATABASE_KINDS, serverForAll, startSecond, startServer } from '../support/server.ts'
import { at } from '../support/world.ts'

const NUL = '\u0000'
const SURROGATE = '\ud83d'

describe.each(DATABASE_KINDS)('reporting the outcome of a command, on %s', async (database) => {
  const server = await serverForAll({ database })
  const world = await makeControlWorld(server)

  const tell = (commandId: string, said: string, message?: string | null) =>
    outcome(server.url, world.gateway, { commandId, outcome: said, ...(message === undefined ? {} : { message }) })

  /** A command that has come to a status. */
  async function commandThatIs(status: Status) {
    const vehicleId = await world.newVehicle()
    const byTime = status === 'EXPIRED' || status === 'OUTCOME_UNKNOWN'
    const command = await world.send(vehicleId, byTime ? { timeoutSeconds: 1 } : {})
    if (status === 'CANCELLED_BY_HANDOVER') await world.lend(vehicleId)
    if (status !== 'PENDING' && status !== 'EXPIRED' && status !== 'CANCELLED_BY_HANDOVER') {
      const gateway = await commandDispatches(server.url, world.gateway, [vehicleId])
      await gateway.received(1)
      gateway.stop()
    }
    if (status === 'SUCCEEDED' || status === 'FAILED') await tell(command.id, status, `It ${status}.`)
    if (byTime) await at(Date.parse(command.deadline))
    const present = await readCommand(server.url, world.as.owner, command.id)
    expect(present).toMatchObject({ status })
    return present
  }

  const rows: [Status, string, string][] = [
    ['PENDING', 'SUCCEEDED', 'CONFLICT'],
    ['PENDING', 'FAILED', 'CONFLICT'],
    ['DISPATCHED', 'SUCCEEDED', 'is written'],
    ['DISPATCHED', 'FAILED', 'is written'],
    ['SUCCEEDED', 'SUCCEEDED', 'changes nothing'],
    ['SUCCEEDED', 'FAILED', 'CONFLICT'],
    ['FAILED', 'FAILED', 'changes nothing'],
    ['FAILED', 'SUCCEEDED', 'CONFLICT'],
    ['EXPIRED', 'SUCCEEDED', 'CONFLICT'],
    ['EXPIRED', 'FAILED', 'CONFLICT'],
    ['CANCELLED_BY_HANDOVER', 'SUCCEEDED', 'CONFLICT'],
    ['CANCELLED_BY_HANDOVER', 'FAILED', 'CONFLICT'],
    ['OUTCOME_UNKNOWN', 'SUCCEEDED', 'CONFLICT'],
    ['OUTCOME_UNKNOWN', 'FAILED', 'CONFLICT'],
  ]
  it.each(rows)('of one that is %s as %s: %s', async (status, said, expected) => {
    const before = await commandThatIs(status)
    const story = async () => storyOf(await world.log(before.vehicleId), before.id)
    const message = said === 'FAILED' ? 'The doors are open.' : null
    const answer = await tell(before.id, said, message)
    const after = await readCommand(server.url, world.as.owner, before.id)
    if (expected === 'is written') {
      expect(after).toEqual({ ...before, status: said, message, completedAt: after.completedAt })
      expect(Date.parse(after.completedAt)).toBeGreaterThanOrEqual(Date.parse(before.dispatchedAt))
      expect(answer.command).toEqual(after)
      expect(await story()).toEqual(['PENDING', 'DISPATCHED', said])
      return
    }
    expect(after).toEqual(before)
    if (expected === 'changes nothing') expect(answer.command).toEqual(before)
    else expect(answer).toMatchObject({ __typename: 'RequestError', code: expected })
    // What came by time is so at once, and in the log within a second: a refusal writes nothing.
    while (!(await story()).includes(status));
    expect((await story()).filter((step) => step === status)).toHaveLength(1)
    expect((await story()).at(-1)).toBe(status)
  })

  it.each([
    ['a failure without one', 'FAILED', null, null],
    ['an empty one', 'FAILED', '', ''],
    ['any Unicode', 'FAILED', 'Tür klemmt 🚪\n', 'Tür klemmt 🚪\n'],
    ['200 characters', 'FAILED', 'x'.repeat(200), 'x'.repeat(200)],
  ])('takes as its message %s', async (_what, said, message, kept) => {
    const { id } = await commandThatIs('DISPATCHED')
    expect((await tell(id, said, message)).command).toMatchObject({ status: said, message: kept })
  })

  it.each([
    ['201 characters', 'x'.repeat(201)],
    ['a NUL', `a${NUL}b`],
    ['a lone surrogate', `a${SURROGATE}b`],
  ])('refuses %s as a message, and still awaits the outcome', async (_what, message) => {
    const { id } = await commandThatIs('DISPATCHED')
    expect(await tell(id, 'FAILED', message)).toMatchObject({ code: 'INVALID_INPUT', path: ['message'] })
    expect(await readCommand(server.url, world.as.owner, id)).toMatchObject({ status: 'DISPATCHED', message: null })
    expect(await tell(id, 'SUCCEEDED')).toMatchObject({ command: { status: 'SUCCEEDED' } })
  })

  it.each(['', 'no-such-command', NUL, "' OR TRUE --", 'x'.repeat(300)])(
    'of %j, which does not exist, is COMMAND_NOT_FOUND',
    async (id) => {
      expect(await tell(id, 'SUCCEEDED')).toMatchObject({ __typename: 'RequestError', code: 'COMMAND_NOT_FOUND' })
    },
  )

  it.each([
    ['a manager of the fleet that sent it', 'manager'],
    ['an operator', 'operator'],
    ['an admin', 'admin'],
  ])('is for a gateway alone: %s is refused with FORBIDDEN', async (_who, role) => {
    const { id } = await commandThatIs('DISPATCHED')
    const token = await server.token(role === 'admin' ? null : world.owner, role)
    const { data, errors } = await post(server.url, token, OUTCOME, { input: { commandId: id, outcome: 'FAILED' } })
    expect(data ?? null).toBeNull()
    expect(errors?.map(({ extensions }) => extensions.code)).toEqual(['FORBIDDEN'])
    expect(await readCommand(server.url, world.as.owner, id)).toMatchObject({ status: 'DISPATCHED' })
  })
})

describe('outcomes that are reported at the same time', () => {
  it('are one outcome: the first is kept, the same again is fine, the other a CONFLICT', async () => {
    const first = await startServer()
    const second = await startSecond(first)
    const world = await makeControlWorld(first)
    const vehicleId = await world.newVehicle()
    const gateway = await commandDispatches(first.url, world.gateway, [vehicleId])
    for (let round = 1; round <= 10; round++) {
      const { id } = await world.send(vehicleId)
      await gateway.received(round)
      const answers = await Promise.all(
        ['SUCCEEDED', 'FAILED', 'SUCCEEDED', 'FAILED'].map((said, index) =>
          outcome(index < 2 ? first.url : second.url, world.gateway, { commandId: id, outcome: said }),
        ),
      )
      const { status } = await readCommand(first.url, world.as.owner, id)
      const told = answers.map(({ command, code }): string => command?.status ?? code)
      const both = ['SUCCEEDED', 'FAILED'].map((said) => (said === status ? status : 'CONFLICT'))
      expect(told).toEqual([...both, ...both])
      expect(storyOf(await world.log(vehicleId), id)).toEqual(['PENDING', 'DISPATCHED', status])
    }
    gateway.stop()
    await second.close()
    await first.close()
  })
})
