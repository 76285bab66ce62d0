import { describe, expect, it } from 'vitest'
import {
  cancel,
  COMMAND_STATUSES,
  COMMAND_TYPES,
  complete,
  DEFAULT_TIMEOUT_SECONDS,
  dispatch,
  expire,
  isOpen,
  newCommand,
} from '../../src/domain/command.ts'
import type { Command, CommandStatus } from '../../src/domain/command.ts'
import { UserError } from '../../src/domain/errors.ts'
import { cancelled } from '../../src/domain/handover/settle.ts'

const REQUESTED = 10_000
const DEADLINE = 40_000
const sent = newCommand(
  { id: 'car', ownerId: 'owner' },
  'partner',
  's1',
  { id: 'c1', type: 'DRAW_ATTENTION', timeoutSeconds: 30 },
  REQUESTED,
)

/** The sent command, as it would be with another status. */
const WITH: Record<CommandStatus, Command> = {
  PENDING: sent,
  DISPATCHED: { ...sent, status: 'DISPATCHED', dispatchedAt: 11_000 },
  SUCCEEDED: { ...sent, status: 'SUCCEEDED', dispatchedAt: 11_000, completedAt: 12_000 },
  FAILED: { ...sent, status: 'FAILED', dispatchedAt: 11_000, completedAt: 12_000, message: 'jammed' },
  EXPIRED: { ...sent, status: 'EXPIRED', completedAt: DEADLINE },
  CANCELLED_BY_HANDOVER: { ...sent, status: 'CANCELLED_BY_HANDOVER', completedAt: 12_000 },
  OUTCOME_UNKNOWN: { ...sent, status: 'OUTCOME_UNKNOWN', dispatchedAt: 11_000, completedAt: DEADLINE },
}

/** The result of a change: the same command, another one, or an error. */
function attempt(command: Command, step: (command: Command) => Command | null): Command | string {
  try {
    const next = step(command)
    return next === null ? 'refused' : next === command ? 'stays' : next
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    return error.code
  }
}

describe('a command that is sent', () => {
  it('is PENDING, and keeps the fleet and the sharing under which it was sent', () => {
    expect(sent).toEqual({
      id: 'c1',
      type: 'DRAW_ATTENTION',
      status: 'PENDING',
      vehicleId: 'car',
      ownerId: 'owner',
      fleetId: 'partner',
      sharingId: 's1',
      requestedAt: REQUESTED,
      deadline: DEADLINE,
      dispatchedAt: null,
      completedAt: null,
      message: null,
    })
    expect(DEFAULT_TIMEOUT_SECONDS).toBe(30)
  })

  it.each<[number, string | null]>([
    [-1, 'timeoutSeconds'],
    [0, 'timeoutSeconds'],
    [1, null],
    [300, null],
    [301, 'timeoutSeconds'],
  ])('takes a timeout of 1 to 300 seconds: %s', (timeoutSeconds, path) => {
    const send = () =>
      newCommand(
        { id: 'car', ownerId: 'owner' },
        'owner',
        null,
        { id: 'c2', type: 'LOCK_TOP_CASE', timeoutSeconds },
        REQUESTED,
      )
    if (path === null) expect(send().deadline).toBe(REQUESTED + timeoutSeconds * 1000)
    else expect(send).toThrow(expect.objectContaining({ code: 'INVALID_INPUT', path: [path] }))
  })

  it('is open until it has a final status', () => {
    expect(COMMAND_STATUSES.filter((status) => isOpen(WITH[status]))).toEqual(['PENDING', 'DISPATCHED'])
    expect(COMMAND_TYPES).toHaveLength(11)
  })
})

describe('a change of a command', () => {
  const AT = 20_000
  type Cell = Partial<Command> | 'stays' | 'refused' | 'CONFLICT'
  type Row = Record<'dispatch' | 'succeed' | 'fail' | 'handover', Cell>

  const dispatched = { status: 'DISPATCHED', dispatchedAt: AT } as const
  const succeeded = { status: 'SUCCEEDED', completedAt: AT } as const
  const failed = { status: 'FAILED', completedAt: AT, message: 'jammed' } as const
  const over = { status: 'CANCELLED_BY_HANDOVER', completedAt: AT } as const
  const CONFLICT = 'CONFLICT'
  const final: Row = { dispatch: 'refused', succeed: CONFLICT, fail: CONFLICT, handover: 'stays' }

  const TABLE: Record<CommandStatus, Row> = {
    PENDING: { dispatch: dispatched, succeed: CONFLICT, fail: CONFLICT, handover: over },
    DISPATCHED: { dispatch: 'refused', succeed: succeeded, fail: failed, handover: 'stays' },
    SUCCEEDED: { ...final, succeed: 'stays' },
    FAILED: { ...final, fail: 'stays' },
    EXPIRED: final,
    CANCELLED_BY_HANDOVER: final,
    OUTCOME_UNKNOWN: final,
  }

  it.each(COMMAND_STATUSES)('from %s is a legal one or none', (status) => {
    const command = WITH[status]
    const { dispatch: given, succeed, fail, handover } = TABLE[status]
    const expected = (cell: Cell) => (typeof cell === 'string' ? cell : { ...command, ...cell })
    expect(attempt(command, (it) => dispatch(it, 's1', AT))).toEqual(expected(given))
    expect(attempt(command, (it) => complete(it, 'SUCCEEDED', null, AT))).toEqual(expected(succeed))
    expect(attempt(command, (it) => complete(it, 'FAILED', 'jammed', AT))).toEqual(expected(fail))
    expect(attempt(command, (it) => cancel(it, AT))).toEqual(expected(handover))
  })

  it.each<[CommandStatus, CommandStatus]>([
    ['PENDING', 'EXPIRED'],
    ['DISPATCHED', 'OUTCOME_UNKNOWN'],
  ])('at the deadline itself leads from %s to %s', (from, to) => {
    expect(expire(WITH[from])).toEqual({ ...WITH[from], status: to, completedAt: DEADLINE })
  })

  it.each<[string, string | null, number, boolean]>([
    ['in the millisecond it was sent', 's1', REQUESTED, true],
    ['in the last millisecond', 's1', DEADLINE - 1, true],
    ['at the deadline', 's1', DEADLINE, false],
    ['after the deadline', 's1', DEADLINE + 1, false],
    ['once the owner has control again', null, 20_000, false],
    ['once a later sharing is in force', 's2', 20_000, false],
  ])('to DISPATCHED happens or not: %s', (_, sharingId, at, taken) => {
    expect(dispatch(sent, sharingId, at) !== null).toBe(taken)
  })

  it("to DISPATCHED happens for the owner's command only while nothing is shared", () => {
    const own = { ...sent, fleetId: 'owner', sharingId: null }
    expect(dispatch(own, null, 20_000)).toEqual({ ...own, status: 'DISPATCHED', dispatchedAt: 20_000 })
    expect(dispatch(own, 's1', 20_000)).toBeNull()
  })

  it("keeps the gateway's message, within the limits of a text", () => {
    expect(complete(WITH.DISPATCHED, 'SUCCEEDED', 'at last', AT).message).toBe('at last')
    for (const message of ['a\0b', '\ud83d', 'x'.repeat(201)]) {
      expect(() => complete(WITH.DISPATCHED, 'FAILED', message, AT)).toThrow(
        expect.objectContaining({ code: 'INVALID_INPUT', path: ['message'] }),
      )
    }
  })

  it('to the same outcome again changes nothing, not even the message', () => {
    expect(complete(WITH.FAILED, 'FAILED', 'something else', 50_000)).toBe(WITH.FAILED)
  })

  it('of control cancels the commands that no gateway has, and no others', () => {
    const all = COMMAND_STATUSES.map((status) => ({ ...WITH[status], id: status }))
    expect(cancelled(all, AT)).toEqual([{ ...all[0], ...over }])
  })
})
