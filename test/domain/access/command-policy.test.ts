import { describe, expect, it } from 'vitest'
import { refusal } from '../../../src/domain/access/access.ts'
import type { Control } from '../../../src/domain/access/access.ts'
import { COMMAND_TYPES } from '../../../src/domain/command.ts'
import type { CommandType } from '../../../src/domain/command.ts'
import type { ErrorCode } from '../../../src/domain/errors.ts'
import type { FleetRole } from '../../../src/domain/fleet.ts'
import { startSharing } from '../../../src/domain/sharing.ts'
import { newVehicle } from '../../../src/domain/vehicle.ts'

type Code = ErrorCode | null

const RELATIONS = ['owner, not shared', 'owner, while shared', 'partner, while shared'] as const
const SUPPORTED = ['all', 'all but this', 'none'] as const
const ALLOWED = ['all', 'this', 'all but this'] as const

/** For an OPERATOR, by what the vehicle supports and then by what the sharing allows: all, this one, or all but this. */
const EXPECTED: Record<(typeof RELATIONS)[number], Record<(typeof SUPPORTED)[number], readonly [Code, Code, Code]>> = {
  'owner, not shared': {
    all: [null, null, null],
    'all but this': ['COMMAND_NOT_SUPPORTED', 'COMMAND_NOT_SUPPORTED', 'COMMAND_NOT_SUPPORTED'],
    none: ['COMMAND_NOT_SUPPORTED', 'COMMAND_NOT_SUPPORTED', 'COMMAND_NOT_SUPPORTED'],
  },
  'owner, while shared': {
    all: ['SHARED_WITH_PARTNER', 'SHARED_WITH_PARTNER', 'SHARED_WITH_PARTNER'],
    'all but this': ['SHARED_WITH_PARTNER', 'SHARED_WITH_PARTNER', 'SHARED_WITH_PARTNER'],
    none: ['SHARED_WITH_PARTNER', 'SHARED_WITH_PARTNER', 'SHARED_WITH_PARTNER'],
  },
  'partner, while shared': {
    all: [null, null, 'COMMAND_NOT_ALLOWED_BY_SHARING'],
    'all but this': ['COMMAND_NOT_SUPPORTED', 'COMMAND_NOT_SUPPORTED', 'COMMAND_NOT_SUPPORTED'],
    none: ['COMMAND_NOT_SUPPORTED', 'COMMAND_NOT_SUPPORTED', 'COMMAND_NOT_SUPPORTED'],
  },
}

const ROLES: readonly (FleetRole | null)[] = [null, 'VIEWER', 'OPERATOR', 'MANAGER']

const [START, END] = [1000, 2000]

/** A vehicle that supports some commands, shared from 1000 to 2000 with some allowed, whatever was edited since. */
function controlOf(supported: readonly CommandType[], allowed: readonly CommandType[] | null): Control {
  const vehicle = newVehicle('car', 'owner', {})
  const order = { id: 's', partnerId: 'partner', startsAt: START, endsAt: END, allowedCommands: allowed }
  return {
    vehicle: { ...vehicle, supportedCommands: supported },
    sharings: [startSharing(vehicle, order, true, 0)],
  }
}

describe.each(COMMAND_TYPES)('%s', (type) => {
  const others = COMMAND_TYPES.filter((other) => other !== type)
  const supports = { all: COMMAND_TYPES, 'all but this': others, none: [] }
  const allows = { all: null, this: [type], 'all but this': others }

  const cells = RELATIONS.flatMap((relation) =>
    SUPPORTED.flatMap((supported) =>
      ALLOWED.flatMap((allowed, column) =>
        ROLES.map((role) => ({
          relation,
          supported,
          allowed,
          role,
          code:
            role === 'OPERATOR' || role === 'MANAGER' ? EXPECTED[relation][supported][column] : 'ROLE_NOT_SUFFICIENT',
        })),
      ),
    ),
  )

  it.each(cells)('of $relation as $role, $supported supported and $allowed allowed: $code', (cell) => {
    const { relation, supported, allowed, role, code } = cell
    const control = controlOf(supports[supported], allows[allowed])
    const fleetId = relation === 'partner, while shared' ? 'partner' : 'owner'
    // Each window is tried at its first and its last instant.
    for (const at of relation === 'owner, not shared' ? [START - 1, END] : [START, END - 1]) {
      const answer = refusal({ kind: 'sendCommand', type }, { fleetId, role }, control, at)
      expect(answer?.code ?? null).toBe(code)
      if (code === 'SHARED_WITH_PARTNER') expect(answer?.conflict).toBe(control.sharings[0])
    }
  })

  it.each(['partner', 'stranger'])('of the %s outside of a sharing finds no vehicle, with any role', (fleetId) => {
    for (const supported of SUPPORTED) {
      for (const role of ROLES) {
        const control = controlOf(supports[supported], null)
        const instants = fleetId === 'stranger' ? [START - 1, START, END - 1, END] : [START - 1, END]
        for (const at of instants) {
          const answer = refusal({ kind: 'sendCommand', type }, { fleetId, role }, control, at)
          expect(answer).toEqual({ code: 'VEHICLE_NOT_FOUND' })
        }
      }
    }
  })
})

describe('the permission to send some command', () => {
  const partner = { fleetId: 'partner', role: 'OPERATOR' } as const
  const asked = (supported: readonly CommandType[], allowed: readonly CommandType[] | null) =>
    refusal({ kind: 'sendCommand' }, partner, controlOf(supported, allowed), START)?.code ?? null

  it.each<[string, readonly CommandType[], readonly CommandType[] | null, Code]>([
    ['all are', COMMAND_TYPES, null, null],
    ['one is', ['LOCK_TOP_CASE'], ['LOCK_TOP_CASE'], null],
    ['one of several is', ['LOCK_TOP_CASE', 'UNLOCK_TOP_CASE'], ['LOCK_TOP_CASE', 'DRAW_ATTENTION'], null],
    ['none is supported', [], ['LOCK_TOP_CASE'], 'COMMAND_NOT_SUPPORTED'],
    ['none is both', ['UNLOCK_TOP_CASE'], ['LOCK_TOP_CASE'], 'COMMAND_NOT_ALLOWED_BY_SHARING'],
  ])(
    'is given to a partner if at least one command is both supported and allowed: %s',
    (_, supported, allowed, code) => {
      expect(asked(supported, allowed)).toBe(code)
    },
  )
})
