import { describe, expect, it } from 'vitest'
import { visibilityAndRole, conflictIn, refusal, relation, state } from '../../../src/domain/access/access.ts'
import type { Action } from '../../../src/domain/access/access.ts'
import type { CommandType } from '../../../src/domain/command.ts'
import type { ErrorCode } from '../../../src/domain/errors.ts'
import type { FleetRole, Member } from '../../../src/domain/fleet.ts'
import type { Instant, Period } from '../../../src/domain/period.ts'
import { aSharing, aVehicle } from '../../support/sharings.ts'

const member = (fleetId: string, role: FleetRole | null = 'MANAGER'): Member => ({ fleetId, role })

describe('a refusal', () => {
  const control = {
    vehicle: aVehicle({ supportedCommands: ['LOCK_TOP_CASE'] }),
    sharings: [aSharing({ allowedCommands: ['LOCK_TOP_CASE'] })],
  }
  const command: Action = { kind: 'sendCommand', type: 'DRAW_ATTENTION' }
  const foreign: Action = { kind: 'updateSharingEnd', sharingId: 'unknown' }

  // Each row has every later reason, too: what comes first must hide it.
  it.each<[string, Action, Member, Instant, ErrorCode]>([
    ['visibility comes before role', command, member('stranger', null), 1500, 'VEHICLE_NOT_FOUND'],
    ['visibility comes before role, also after the end', command, member('partner', null), 2000, 'VEHICLE_NOT_FOUND'],
    ['visibility comes before the named sharing', foreign, member('stranger'), 1500, 'VEHICLE_NOT_FOUND'],
    ['role comes before relation', command, member('owner', 'VIEWER'), 1500, 'ROLE_NOT_SUFFICIENT'],
    ['role comes before relation for the partner', foreign, member('partner', 'OPERATOR'), 1500, 'ROLE_NOT_SUFFICIENT'],
    ['relation comes before state', command, member('owner', 'OPERATOR'), 1500, 'SHARED_WITH_PARTNER'],
    ['relation comes before state for the partner', foreign, member('partner'), 1500, 'NOT_OWNER'],
    ['state comes last', command, member('partner', 'OPERATOR'), 1500, 'COMMAND_NOT_SUPPORTED'],
    ['state comes last for the owner', foreign, member('owner'), 1500, 'SHARING_NOT_FOUND'],
  ])('%s', (_, action, by, at, code) => {
    expect(refusal(action, by, control, at)?.code).toBe(code)
  })

  it('is found in three steps, each with reasons of its own', () => {
    const at = 1500
    expect(visibilityAndRole(command, member('owner', 'OPERATOR'), control, at)).toBeNull()
    expect(relation(command, member('owner', 'VIEWER'), control, at)?.code).toBe('SHARED_WITH_PARTNER')
    expect(state(command, member('owner', 'VIEWER'), control, at)?.code).toBe('COMMAND_NOT_SUPPORTED')
  })

  it('names the conflicting sharing', () => {
    const [sharing] = control.sharings
    const owner = member('owner')
    expect(refusal(command, owner, control, 1500)).toEqual({ code: 'SHARED_WITH_PARTNER', conflict: sharing })
    expect(refusal({ kind: 'delete' }, owner, control, 1500)).toEqual({
      code: 'SHARED_WITH_PARTNER',
      conflict: sharing,
    })
    expect(refusal({ kind: 'delete' }, owner, control, 500)).toEqual({ code: 'ALREADY_SHARED', conflict: sharing })
    expect(refusal({ kind: 'startSharing' }, owner, control, 1500)).toEqual({
      code: 'ALREADY_SHARED',
      conflict: sharing,
    })
  })

  it('of a deletion names the sharing in force, even if another is scheduled', () => {
    const next = aSharing({ id: 'next', startsAt: 2000, endsAt: null })
    const both = { vehicle: aVehicle(), sharings: [next, aSharing()] }
    expect(refusal({ kind: 'delete' }, member('owner'), both, 1500)).toEqual({
      code: 'SHARED_WITH_PARTNER',
      conflict: aSharing(),
    })
  })
})

describe('a sharing named by its id', () => {
  const control = {
    vehicle: aVehicle(),
    sharings: [
      aSharing({ id: 'before', partnerId: 'partner', startsAt: 10, endsAt: 20, endedAt: 20, endReason: 'EXPIRED' }),
      aSharing({ id: 'cancelled', cancelledAt: 5, endReason: 'CANCELLED_BY_OWNER' }),
      aSharing({ id: 'now', startsAt: 1000, endsAt: 2000 }),
      aSharing({ id: 'next', startsAt: 2000, endsAt: 3000 }),
      aSharing({ id: 'others', partnerId: 'other', startsAt: 3000, endsAt: 4000 }),
    ],
  }
  const cell = (kind: 'endSharing' | 'updateSharingEnd', sharingId: string, fleetId: string, at: Instant) =>
    refusal({ kind, sharingId }, member(fleetId), control, at)?.code ?? null

  it.each<[string, owner: ErrorCode | null, partner: ErrorCode | null, other: ErrorCode | null]>([
    ['before', 'NOT_SHARED', 'NOT_SHARED', 'VEHICLE_NOT_FOUND'],
    ['cancelled', 'NOT_SHARED', 'NOT_SHARED', 'VEHICLE_NOT_FOUND'],
    ['now', null, null, 'VEHICLE_NOT_FOUND'],
    ['next', null, null, 'VEHICLE_NOT_FOUND'],
    ['others', null, 'SHARING_NOT_FOUND', null],
    ['unknown', 'SHARING_NOT_FOUND', 'SHARING_NOT_FOUND', 'VEHICLE_NOT_FOUND'],
    ['', 'SHARING_NOT_FOUND', 'SHARING_NOT_FOUND', 'VEHICLE_NOT_FOUND'],
  ])(
    '"%s" can be ended while another is in force, or is refused: owner %s, partner %s, next partner %s',
    (id, ...expected) => {
      expect(['owner', 'partner', 'other'].map((fleetId) => cell('endSharing', id, fleetId, 1500))).toEqual(expected)
    },
  )

  it('has its end moved by the owner only, also if it is scheduled', () => {
    const ids = ['before', 'cancelled', 'now', 'next', 'others', 'unknown']
    expect(ids.map((id) => cell('updateSharingEnd', id, 'owner', 1500))).toEqual([
      'NOT_SHARED',
      'NOT_SHARED',
      null,
      null,
      null,
      'SHARING_NOT_FOUND',
    ])
    expect(ids.map((id) => cell('updateSharingEnd', id, 'partner', 1500))).toEqual(ids.map(() => 'NOT_OWNER'))
    expect(ids.map((id) => cell('updateSharingEnd', id, 'other', 1500))).toEqual(ids.map(() => 'VEHICLE_NOT_FOUND'))
  })

  it('can be cancelled by its partner until it starts, with the role MANAGER', () => {
    const named: Action = { kind: 'endSharing', sharingId: 'others' }
    const code = (role: FleetRole | null, at: Instant) =>
      refusal(named, member('other', role), control, at)?.code ?? null
    expect(code('MANAGER', 0)).toBeNull()
    expect(code('MANAGER', 2999)).toBeNull()
    expect(code('MANAGER', 3999)).toBeNull()
    expect(code('MANAGER', 4000)).toBe('VEHICLE_NOT_FOUND')
    expect([code('OPERATOR', 0), code('VIEWER', 0), code(null, 0)]).toEqual(
      Array.from({ length: 3 }, () => 'ROLE_NOT_SUFFICIENT'),
    )
  })

  it('allows nothing else to its partner while it is scheduled', () => {
    const others: readonly Action[] = [
      { kind: 'see' },
      { kind: 'update' },
      { kind: 'delete' },
      { kind: 'sendCommand' },
      { kind: 'startSharing' },
      { kind: 'endSharing' },
      { kind: 'endSharing', sharingId: 'now' },
      { kind: 'updateSharingEnd' },
      { kind: 'updateSharingEnd', sharingId: 'others' },
    ]
    for (const action of others) {
      expect(refusal(action, member('other'), control, 1500), JSON.stringify(action)).toEqual({
        code: 'VEHICLE_NOT_FOUND',
      })
    }
  })
})

describe('a new sharing', () => {
  const [first, second] = [aSharing({ id: 'first' }), aSharing({ id: 'second', startsAt: 3000, endsAt: null })]
  const control = {
    vehicle: aVehicle(),
    sharings: [second, first, aSharing({ id: 'off', startsAt: 0, cancelledAt: -1 })],
  }

  it.each<[string, Period, string | null]>([
    ['before them', { startsAt: 0, endsAt: 999 }, null],
    ['right before', { startsAt: 0, endsAt: 1000 }, null],
    ['one ms too long', { startsAt: 0, endsAt: 1001 }, 'first'],
    ['inside', { startsAt: 1200, endsAt: 1300 }, 'first'],
    ['one ms too early', { startsAt: 1999, endsAt: 2500 }, 'first'],
    ['exactly between', { startsAt: 2000, endsAt: 3000 }, null],
    ['into the second', { startsAt: 2000, endsAt: 3001 }, 'second'],
    ['open into the second', { startsAt: 2000, endsAt: null }, 'second'],
    ['across both', { startsAt: 1999, endsAt: null }, 'first'],
    ['far inside the open end', { startsAt: 1e12, endsAt: 1e12 + 1 }, 'second'],
  ])('%s: conflicts with the right sharing', (_, period, conflict) => {
    expect(conflictIn(control, period)?.id ?? null).toBe(conflict)
    expect(refusal({ kind: 'startSharing', period }, member('owner'), control, 1500)?.conflict?.id ?? null).toBe(
      conflict,
    )
  })

  it('does not conflict with itself when its end moves', () => {
    expect(conflictIn(control, { startsAt: 1000, endsAt: 3000 }, first)).toBeUndefined()
    expect(conflictIn(control, { startsAt: 1000, endsAt: 3001 }, first)).toBe(second)
  })
})

describe('a command', () => {
  type Types = readonly CommandType[]
  const [lock, unlock, honk]: Types = ['LOCK_TOP_CASE', 'UNLOCK_TOP_CASE', 'DRAW_ATTENTION'] as const

  it.each<[string, supported: Types, allowed: Types | null, type: CommandType | null, ErrorCode | null]>([
    ['any of all', [lock, unlock], null, null, null],
    ['any of some', [lock, unlock], [unlock], null, null],
    ['any, though the vehicle supports none', [], null, null, 'COMMAND_NOT_SUPPORTED'],
    ['any, though none allowed is supported any more', [lock], [unlock], null, 'COMMAND_NOT_ALLOWED_BY_SHARING'],
    ['one of all', [lock, unlock], null, lock, null],
    ['one that is allowed', [lock, unlock], [lock], lock, null],
    ['one that is not', [lock, unlock], [lock], unlock, 'COMMAND_NOT_ALLOWED_BY_SHARING'],
    ['one not supported', [lock], null, honk, 'COMMAND_NOT_SUPPORTED'],
    ['one neither supported nor allowed', [lock], [lock], honk, 'COMMAND_NOT_SUPPORTED'],
    ['one allowed and not supported any more', [lock], [lock, honk], honk, 'COMMAND_NOT_SUPPORTED'],
  ])('of the partner: %s', (_, supportedCommands, allowedCommands, type, code) => {
    const control = { vehicle: aVehicle({ supportedCommands }), sharings: [aSharing({ allowedCommands })] }
    const action: Action = type === null ? { kind: 'sendCommand' } : { kind: 'sendCommand', type }
    expect(refusal(action, member('partner', 'OPERATOR'), control, 1500)?.code ?? null).toBe(code)
  })

  it('of the owner is not limited by the allowed commands of a past sharing', () => {
    const control = {
      vehicle: aVehicle({ supportedCommands: [lock, unlock] }),
      sharings: [
        aSharing({ allowedCommands: [lock] }),
        aSharing({ id: 'next', startsAt: 5000, allowedCommands: [lock] }),
      ],
    }
    const code = (type: CommandType) =>
      refusal({ kind: 'sendCommand', type }, member('owner', 'OPERATOR'), control, 2000)?.code ?? null
    expect([code(unlock), code(honk)]).toEqual([null, 'COMMAND_NOT_SUPPORTED'])
  })
})
