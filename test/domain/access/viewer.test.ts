import { describe, expect, it } from 'vitest'
import { FLEET_ROLES, hasRole, ROLES } from '../../../src/domain/fleet.ts'
import type { FleetRole, Role } from '../../../src/domain/fleet.ts'
import { knownRoles, viewerOf } from '../../../src/domain/access/viewer.ts'

const TOKEN = { expiresAt: 2000, issuedAt: 1000, subject: 'Ann', tokenId: 'T' } as const

describe('the viewer of a token', () => {
  const summary = (fleetId: string | null, roles: readonly Role[]): string => {
    const viewer = viewerOf({ ...TOKEN, fleetId, roles })
    return viewer.kind === 'FLEET' ? `${viewer.member.fleetId} ${viewer.member.role ?? 'without a role'}` : viewer.kind
  }

  it.each<[fleetId: string | null, roles: readonly Role[], expected: string]>([
    ['A', ['VIEWER'], 'A VIEWER'],
    ['A', ['OPERATOR'], 'A OPERATOR'],
    ['A', ['MANAGER'], 'A MANAGER'],
    ['A', ['VIEWER', 'OPERATOR'], 'A OPERATOR'],
    ['A', ['MANAGER', 'VIEWER'], 'A MANAGER'],
    ['A', ['OPERATOR', 'VIEWER', 'MANAGER'], 'A MANAGER'],
    ['A', ['VIEWER', 'VIEWER'], 'A VIEWER'],
    ['A', [], 'A without a role'],
    [null, ['ADMIN'], 'ADMIN'],
    [null, ['GATEWAY'], 'GATEWAY'],
    [null, ['ADMIN', 'ADMIN'], 'ADMIN'],
    [null, [], 'NOBODY'],
    [null, ['VIEWER'], 'NOBODY'],
    [null, ['MANAGER'], 'NOBODY'],
    [null, ['ADMIN', 'GATEWAY'], 'NOBODY'],
    [null, ['GATEWAY', 'ADMIN'], 'NOBODY'],
    [null, ['ADMIN', 'MANAGER'], 'NOBODY'],
    [null, ['VIEWER', 'ADMIN'], 'NOBODY'],
    [null, ['OPERATOR', 'GATEWAY'], 'NOBODY'],
    ['A', ['ADMIN'], 'NOBODY'],
    ['A', ['GATEWAY'], 'NOBODY'],
    ['A', ['MANAGER', 'ADMIN'], 'NOBODY'],
    ['A', ['GATEWAY', 'VIEWER'], 'NOBODY'],
    ['A', ['ADMIN', 'GATEWAY'], 'NOBODY'],
  ])('fleet %s with %j: %s', (fleetId, roles, expected) => {
    expect(summary(fleetId, roles)).toBe(expected)
  })

  it("keeps the token's claims", () => {
    const claims = { ...TOKEN, fleetId: 'A', roles: ['VIEWER', 'OPERATOR', 'VIEWER'] } as const
    expect(viewerOf(claims)).toMatchObject(claims)
  })
})

describe('known roles', () => {
  it.each<[readonly string[], readonly Role[]]>([
    [
      ['viewer', 'Operator', 'MANAGER', 'gateWAY', 'admin'],
      ['VIEWER', 'OPERATOR', 'MANAGER', 'GATEWAY', 'ADMIN'],
    ],
    [
      ['MANAGER', 'VIEWER'],
      ['MANAGER', 'VIEWER'],
    ],
    [['auditor', 'viewer', 'ADMINS', 'VIEW', ' viewer', ''], ['VIEWER']],
    [['constructor', '__proto__', 'toString'], []],
    [['adm\u0131n', 'VIEWE\u211B'], []],
    [[], []],
  ])('of %j are %j', (names, expected) => {
    expect(knownRoles(names)).toEqual(expected)
  })

  it('are VIEWER, OPERATOR, MANAGER, GATEWAY and ADMIN', () => {
    expect(ROLES).toEqual(['VIEWER', 'OPERATOR', 'MANAGER', 'GATEWAY', 'ADMIN'])
  })
})

describe('roles are cumulative', () => {
  it.each<[role: FleetRole | null, held: readonly FleetRole[]]>([
    [null, []],
    ['VIEWER', ['VIEWER']],
    ['OPERATOR', ['VIEWER', 'OPERATOR']],
    ['MANAGER', ['VIEWER', 'OPERATOR', 'MANAGER']],
  ])('%s includes %j', (role, held) => {
    expect(FLEET_ROLES.filter((needed) => hasRole({ fleetId: 'A', role }, needed))).toEqual(held)
  })
})
