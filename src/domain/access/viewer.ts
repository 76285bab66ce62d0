import { FLEET_ROLES, ROLES } from '../fleet.ts'
import type { Member, Role } from '../fleet.ts'
import type { Instant } from '../period.ts'

/** What a trusted token says of its bearer. */
export type Claims = {
  readonly fleetId: string | null
  readonly roles: readonly Role[]
  /** The instant at which it has ended. */
  readonly expiresAt: Instant
  /** When it was made, and for whom; null where it does not say. */
  readonly issuedAt: Instant | null
  readonly subject: string | null
  /** Tells this token from every other, and nothing about it. */
  readonly tokenId: string
}

/** NOBODY is refused everything: the token is genuine, but what it claims does not go together. */
export type Viewer = Claims &
  ({ readonly kind: 'FLEET'; readonly member: Member } | { readonly kind: 'ADMIN' | 'GATEWAY' | 'NOBODY' })

/**
 * The known roles among `names`, case ignored, as the token carries them. Compared in lower case: upper case turns some
 * letters of other alphabets into ours.
 */
export const knownRoles = (names: readonly string[]): Role[] =>
  names.flatMap((name) => ROLES.filter((role) => role.toLowerCase() === name.toLowerCase()))

/**
 * Whom a token speaks for: a fleet, the platform's admin or a gateway. ADMIN and GATEWAY do not mix with each other, with
 * a fleet's roles or with a fleet; somebody without a fleet has to be one of the two.
 */
export function viewerOf(claims: Claims): Viewer {
  const { fleetId, roles } = claims
  const platform = roles.find((role) => role === 'ADMIN' || role === 'GATEWAY')
  if (platform !== undefined) {
    const pure = fleetId === null && roles.every((role) => role === platform)
    return { ...claims, kind: pure ? platform : 'NOBODY' }
  }
  if (fleetId === null) return { ...claims, kind: 'NOBODY' }
  const role = FLEET_ROLES.findLast((candidate) => roles.includes(candidate)) ?? null
  return { ...claims, kind: 'FLEET', member: { fleetId, role } }
}

/** Tokens that are not to be trusted any more: those issued by `until` to a fleet (null: to none), and to a subject (null: any). */
export type Revocation = { readonly fleetId: string | null; readonly subject: string | null; readonly until: Instant }

/** A token that does not say when it was issued counts as old. */
export const isRevoked = ({ fleetId, subject, issuedAt }: Claims, revocations: readonly Revocation[]): boolean =>
  revocations.some(
    (revocation) =>
      revocation.fleetId === fleetId &&
      (revocation.subject === null || revocation.subject === subject) &&
      (issuedAt ?? 0) <= revocation.until,
  )
