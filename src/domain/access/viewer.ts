import { FLEET_ROLES, ROLES } from '../fleet.ts'
import type { Member, Role } from '../fleet.ts'
import type { Instant } from '../period.ts'

/** The contents of an access token whose signature and expiry have been checked. */
export type Claims = {
  readonly fleetId: string | null
  readonly roles: readonly Role[]
  /** The first instant at which the token is no longer valid. */
  readonly expiresAt: Instant
  /** When the token was issued, and to which subject; null where the token does not say. */
  readonly issuedAt: Instant | null
  readonly subject: string | null
  /** Identifies the token without revealing it. */
  readonly tokenId: string
}

/**
 * NOBODY is refused everything: the token is genuine, but its claims contradict each other, or its fleet is not registered
 * here. The fleet is named in the second case alone.
 */
export type Viewer = Claims &
  (
    | { readonly kind: 'FLEET'; readonly member: Member }
    | { readonly kind: 'ADMIN' | 'GATEWAY' }
    | { readonly kind: 'NOBODY'; readonly unregistered: string | null }
  )

/** The tokens that something is for: any that is trusted, those of a fleet's members, or those of the platform's own. */
export const AUDIENCES = ['ANY', 'MEMBER', 'ADMIN', 'GATEWAY'] as const
export type Audience = (typeof AUDIENCES)[number]

/** Whether a viewer belongs to an audience. A member has at least one role in its fleet. */
export function isFor(viewer: Viewer, audience: Audience): boolean {
  switch (audience) {
    case 'ANY':
      return viewer.kind !== 'NOBODY'
    case 'MEMBER':
      return viewer.kind === 'FLEET' && viewer.member.role !== null
    case 'ADMIN':
    case 'GATEWAY':
      return viewer.kind === audience
  }
}

/**
 * The known roles among a token's names, case ignored, in the order of the token. Names are compared in lower case:
 * upper case turns some letters of other alphabets into Latin ones.
 */
export const knownRoles = (names: readonly string[]): Role[] =>
  names.flatMap((name) => ROLES.filter((role) => role.toLowerCase() === name.toLowerCase()))

/**
 * The viewer that a token speaks for: a fleet, the platform's admin or a gateway. ADMIN and GATEWAY exclude each other,
 * all roles of fleets and a fleet id; a token without a fleet id needs one of the two.
 */
export function viewerOf(claims: Claims): Viewer {
  const { fleetId, roles } = claims
  const platform = roles.find((role) => role === 'ADMIN' || role === 'GATEWAY')
  if (platform !== undefined) {
    const isConsistent = fleetId === null && roles.every((role) => role === platform)
    return isConsistent ? { ...claims, kind: platform } : { ...claims, kind: 'NOBODY', unregistered: null }
  }
  if (fleetId === null) return { ...claims, kind: 'NOBODY', unregistered: null }
  const role = FLEET_ROLES.findLast((candidate) => roles.includes(candidate)) ?? null
  return { ...claims, kind: 'FLEET', member: { fleetId, role } }
}
