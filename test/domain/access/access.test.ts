import { describe, expect, it } from 'vitest'
import { controllerAt, refusal, seesAt } from '../../../src/domain/access/access.ts'
import type { Action } from '../../../src/domain/access/access.ts'
import type { ErrorCode } from '../../../src/domain/errors.ts'
import { FLEET_ROLES } from '../../../src/domain/fleet.ts'
import type { FleetRole } from '../../../src/domain/fleet.ts'
import type { Instant } from '../../../src/domain/period.ts'
import type { Sharing } from '../../../src/domain/sharing.ts'
import { aSharing, aVehicle } from '../../support/sharings.ts'

/** The columns of the table below, and the situations that each of them answers for. */
type Column = 'unshared' | 'scheduled' | 'in force' | 'over'
type Situation = readonly [when: string, sharing: Sharing | null, at: Instant, column: Column]

const DUE = aSharing({ startsAt: 1000, endsAt: 2000 })
const OPEN = aSharing({ startsAt: 1000, endsAt: null })
const EXPIRED = aSharing({ endsAt: 2000, endedAt: 2000, endReason: 'EXPIRED', startRecorded: true })
const ENDED_EARLY = aSharing({ endsAt: 3000, endedAt: 2000, endReason: 'ENDED_BY_OWNER', startRecorded: true })
const OPEN_ENDED = aSharing({ endsAt: null, endedAt: 2000, endReason: 'ENDED_BY_PARTNER', startRecorded: true })
const CANCELLED = aSharing({ cancelledAt: 400, endReason: 'CANCELLED_BY_OWNER' })

const SITUATIONS: readonly Situation[] = [
  ['never shared', null, 1500, 'unshared'],
  ['scheduled', DUE, 500, 'scheduled'],
  ['one ms before startsAt', DUE, 999, 'scheduled'],
  ['at startsAt itself', DUE, 1000, 'in force'],
  ['in force', DUE, 1500, 'in force'],
  ['one ms before endsAt', DUE, 1999, 'in force'],
  ['at endsAt itself', DUE, 2000, 'over'],
  ['after endsAt', DUE, 2500, 'over'],
  ['an open end, before', OPEN, 999, 'scheduled'],
  ['an open end, at startsAt', OPEN, 1000, 'in force'],
  ['an open end, years later', OPEN, 1e12, 'in force'],
  ['expired, at its end', EXPIRED, 2000, 'over'],
  ['ended early, one ms before the early end', ENDED_EARLY, 1999, 'in force'],
  ['ended early, at the early end', ENDED_EARLY, 2000, 'over'],
  ['ended early, before the due end', ENDED_EARLY, 2999, 'over'],
  ['an open end that was ended, one ms before its end', OPEN_ENDED, 1999, 'in force'],
  ['an open end that was ended, at its end', OPEN_ENDED, 2000, 'over'],
  ['cancelled, before its start', CANCELLED, 999, 'over'],
  ['cancelled, within its period', CANCELLED, 1500, 'over'],
]

const ACTIONS = {
  see: { kind: 'see' },
  'send a command': { kind: 'sendCommand' },
  'send one command': { kind: 'sendCommand', type: 'UNLOCK_TOP_CASE' },
  edit: { kind: 'update' },
  delete: { kind: 'delete' },
  'share now': { kind: 'startSharing' },
  'share much later': { kind: 'startSharing', period: { startsAt: 5000, endsAt: 6000 } },
  'move the end': { kind: 'updateSharingEnd' },
  'move its end': { kind: 'updateSharingEnd', sharingId: 'main' },
  'end it': { kind: 'endSharing' },
  'end it by its id': { kind: 'endSharing', sharingId: 'main' },
} satisfies Record<string, Action>

type Cell = ErrorCode | null
type Row = readonly [
  who: 'owner' | 'partner' | 'past partner' | 'stranger',
  action: keyof typeof ACTIONS,
  needs: FleetRole,
  unshared: Cell,
  scheduled: Cell,
  inForce: Cell,
  over: Cell,
]

const ok = null
const nothing = 'VEHICLE_NOT_FOUND'

// Whether an owner may share later depends on the period, not only on the column: see access-cases.test.ts.
const TABLE: readonly Row[] = [
  ['owner', 'see', 'VIEWER', ok, ok, ok, ok],
  ['owner', 'send a command', 'OPERATOR', ok, ok, 'SHARED_WITH_PARTNER', ok],
  ['owner', 'send one command', 'OPERATOR', ok, ok, 'SHARED_WITH_PARTNER', ok],
  ['owner', 'edit', 'MANAGER', ok, ok, ok, ok],
  ['owner', 'delete', 'MANAGER', ok, 'ALREADY_SHARED', 'SHARED_WITH_PARTNER', ok],
  ['owner', 'share now', 'MANAGER', ok, ok, 'ALREADY_SHARED', ok],
  ['owner', 'move the end', 'MANAGER', 'NOT_SHARED', 'NOT_SHARED', ok, 'NOT_SHARED'],
  ['owner', 'move its end', 'MANAGER', 'SHARING_NOT_FOUND', ok, ok, 'NOT_SHARED'],
  ['owner', 'end it', 'MANAGER', 'NOT_SHARED', 'NOT_SHARED', ok, 'NOT_SHARED'],
  ['owner', 'end it by its id', 'MANAGER', 'SHARING_NOT_FOUND', ok, ok, 'NOT_SHARED'],
  ['partner', 'see', 'VIEWER', nothing, nothing, ok, nothing],
  ['partner', 'send a command', 'OPERATOR', nothing, nothing, ok, nothing],
  ['partner', 'send one command', 'OPERATOR', nothing, nothing, ok, nothing],
  ['partner', 'edit', 'MANAGER', nothing, nothing, 'NOT_OWNER', nothing],
  ['partner', 'delete', 'MANAGER', nothing, nothing, 'NOT_OWNER', nothing],
  ['partner', 'share now', 'MANAGER', nothing, nothing, 'NOT_OWNER', nothing],
  ['partner', 'share much later', 'MANAGER', nothing, nothing, 'NOT_OWNER', nothing],
  ['partner', 'move the end', 'MANAGER', nothing, nothing, 'NOT_OWNER', nothing],
  ['partner', 'move its end', 'MANAGER', nothing, nothing, 'NOT_OWNER', nothing],
  ['partner', 'end it', 'MANAGER', nothing, nothing, ok, nothing],
  ['partner', 'end it by its id', 'MANAGER', nothing, ok, ok, nothing],
  ...(['past partner', 'stranger'] as const).flatMap((who) =>
    (Object.keys(ACTIONS) as (keyof typeof ACTIONS)[]).map((action): Row => [
      who,
      action,
      'VIEWER',
      nothing,
      nothing,
      nothing,
      nothing,
    ]),
  ),
]

/** Over for long in every situation; its partner is a stranger again. */
const PAST = aSharing({
  id: 'past',
  partnerId: 'past partner',
  startsAt: 10,
  endsAt: 20,
  endedAt: 20,
  endReason: 'EXPIRED',
})

const controlOf = (sharing: Sharing | null) => ({
  vehicle: aVehicle(),
  sharings: sharing === null ? [PAST] : [PAST, sharing],
})

const ROLES = [null, ...FLEET_ROLES]

describe('the policy for actions on a vehicle', () => {
  it.each(TABLE)('%s: %s', (who, action, needs, unshared, scheduled, inForce, over) => {
    const cells: Record<Column, Cell> = { unshared, scheduled, 'in force': inForce, over }
    const expected: Record<string, Cell> = {}
    const actual: Record<string, Cell> = {}
    for (const [when, sharing, at, column] of SITUATIONS) {
      for (const role of ROLES) {
        const name = `${when}, as ${role ?? 'nobody'}`
        const cell = cells[column]
        const enough = role !== null && FLEET_ROLES.indexOf(role) >= FLEET_ROLES.indexOf(needs)
        expected[name] = cell === nothing || enough ? cell : 'ROLE_NOT_SUFFICIENT'
        actual[name] = refusal(ACTIONS[action], { fleetId: who, role }, controlOf(sharing), at)?.code ?? null
      }
    }
    expect(actual).toEqual(expected)
  })

  it('a deleted or unknown vehicle exists for no fleet', () => {
    for (const action of Object.values(ACTIONS)) {
      for (const fleetId of ['owner', 'partner', 'stranger']) {
        for (const role of ROLES) {
          expect(refusal(action, { fleetId, role }, null, 1500)).toEqual({ code: nothing })
        }
      }
    }
  })

  it.each(SITUATIONS)('control and visibility agree with the table: %s', (_, sharing, at, column) => {
    const control = controlOf(sharing)
    const shared = column === 'in force'
    expect(controllerAt(control, at)).toBe(shared ? 'partner' : 'owner')
    const fleets = ['owner', 'partner', 'past partner', 'stranger']
    expect(fleets.filter((fleetId) => seesAt(fleetId, control, at))).toEqual(shared ? ['owner', 'partner'] : ['owner'])
  })
})
