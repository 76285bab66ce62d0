import { createHash } from 'node:crypto'
import { errors, jwtVerify } from 'jose'
import type { JWTPayload, JWTVerifyGetKey } from 'jose'
import { LRUCache } from 'lru-cache'
import { claimAt } from './claims.ts'
import { LATEST_INSTANT } from '../../domain/period.ts'
import type { Instant } from '../../domain/period.ts'
import { ROLES } from '../../domain/fleet.ts'
import { knownRoles, viewerOf } from '../../domain/access/viewer.ts'
import type { Claims, Viewer } from '../../domain/access/viewer.ts'

/** A request without a trusted token. UNAVAILABLE: the provider's keys could not be fetched, so nothing is known of it. */
export class AuthenticationError extends Error {
  readonly reason: 'UNTRUSTED' | 'EXPIRED' | 'UNAVAILABLE'

  constructor(reason: 'UNTRUSTED' | 'EXPIRED' | 'UNAVAILABLE', message: string, cause?: unknown) {
    super(message, { cause })
    this.reason = reason
  }
}

/** Verifies an Authorization header; answers at once for a token in the cache. @throws AuthenticationError */
export type Authenticate = (authorization: string | undefined) => Viewer | Promise<Viewer>

export type TokenRules = {
  readonly getKey: JWTVerifyGetKey
  /** Counts the changes of the keys: tokens verified with earlier keys have to be verified again. */
  readonly generation: () => number
  readonly issuer: string
  readonly audience: string
  readonly fleetClaim: string
  readonly rolesClaim: string
  /** How long a token is trusted after it was issued; null for until its `exp`. Milliseconds. */
  readonly maxTokenAgeMs: number | null
}

/** Asymmetric algorithms only: with a shared secret, a party that can verify a token could also make one. */
const ALGORITHMS = ['RS256', 'ES256', 'EdDSA', 'Ed25519']

/** How far ahead `nbf` may lie, for the clocks of providers run ahead. Seconds. */
const NOT_BEFORE_TOLERANCE = 5

export type TokenChecks = {
  readonly fleetExists: (id: string) => Promise<boolean>
  readonly isRevoked: (claims: Claims) => boolean
  /** Called for a trusted token of whose roles none is known. */
  readonly onNoRole?: (lookup: RoleLookup) => void
}

/** The claim in which roles were looked for, the first of its names, null where there is no such claim, and the known ones. */
export type RoleLookup = {
  readonly claim: string
  readonly found: readonly string[] | null
  readonly known: readonly string[]
}

/** The most names of roles that are reported, and the most characters of each. */
const NAMES_REPORTED = 20
const NAME_LENGTH = 100

/** Verified tokens that are cached, and the longest Authorization header that is. */
const CACHED_TOKENS = 10_000
const LONGEST_CACHED = 4_096

export function createAuthenticate(rules: TokenRules, { fleetExists, isRevoked, onNoRole }: TokenChecks): Authenticate {
  const verified = new LRUCache<string, { readonly viewer: Viewer; readonly generation: number }>({
    max: CACHED_TOKENS,
  })
  const check = async (authorization: string | undefined): Promise<Viewer> => {
    const token = /^Bearer +([\w.~+/=-]+) *$/i.exec(authorization ?? '')?.[1]
    if (token === undefined) {
      throw new AuthenticationError('UNTRUSTED', 'An access token is needed: Authorization: Bearer TOKEN.')
    }
    const generation = rules.generation()
    const payload = await verify(token, rules)
    const claims = claimsOf(token, payload, rules)
    if (claims.roles.length === 0 && onNoRole) {
      const found = namesOf(payload, rules)?.slice(0, NAMES_REPORTED) ?? null
      onNoRole({
        claim: rules.rolesClaim,
        found: found?.map((name) => name.slice(0, NAME_LENGTH)) ?? null,
        known: ROLES,
      })
    }
    const viewer = viewerOf(claims)
    const unregistered =
      viewer.kind === 'FLEET' && !(await fleetExists(viewer.member.fleetId)) ? viewer.member.fleetId : null
    // Last: it may have been revoked while the database was asked.
    if (isRevoked(claims)) throw new AuthenticationError('UNTRUSTED', 'The access token has been revoked.')
    if (unregistered !== null) return { ...claims, kind: 'NOBODY', unregistered }
    // As clients write it: of all the ways to write one token only one is cached.
    if (authorization === `Bearer ${token}` && token.length <= LONGEST_CACHED)
      verified.set(authorization, { viewer, generation })
    return viewer
  }
  return (authorization) => {
    const known = verified.get(authorization ?? '')
    if (known?.generation !== rules.generation()) return check(authorization)
    const { viewer } = known
    return viewer.expiresAt > Date.now() && !isRevoked(viewer) ? viewer : check(authorization)
  }
}

async function verify(token: string, { getKey, issuer, audience }: TokenRules): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(token, getKey, {
      issuer,
      audience,
      algorithms: ALGORITHMS,
      requiredClaims: ['exp', 'iss', 'aud'],
      // For `nbf`. For `exp` there is none, and jose counts in whole seconds, while an exp may have a fraction.
      clockTolerance: NOT_BEFORE_TOLERANCE,
    })
    if (Math.floor((payload.exp ?? 0) * 1000) <= Date.now()) throw expired()
    return payload
  } catch (error) {
    if (error instanceof AuthenticationError) throw error
    if (error instanceof errors.JWTExpired) throw expired(error)
    throw new AuthenticationError('UNTRUSTED', 'The access token is not trusted.', error)
  }
}

function claimsOf(token: string, payload: JWTPayload, rules: TokenRules): Claims {
  const fleetId = claimAt(payload, rules.fleetClaim) ?? null
  if (fleetId !== null && typeof fleetId !== 'string') throw wrongClaim(rules.fleetClaim)
  const names = namesOf(payload, rules) ?? []
  const { iat, sub } = payload
  const expiresAt = endOf(payload, rules)
  if (sub !== undefined && typeof sub !== 'string') throw wrongClaim('sub')
  return {
    fleetId,
    roles: knownRoles(names),
    expiresAt,
    issuedAt: iat === undefined ? null : Math.floor(iat * 1000),
    subject: sub ?? null,
    tokenId: createHash('sha256')
      .update(token.slice(0, token.lastIndexOf('.')))
      .digest('base64url'),
  }
}

/** @throws AuthenticationError for a token whose age is over, or unknown where there is a limit */
function endOf({ exp = 0, iat }: JWTPayload, { maxTokenAgeMs }: TokenRules): Instant {
  const end = Math.min(Math.floor(exp * 1000), LATEST_INSTANT)
  if (maxTokenAgeMs === null) return end
  if (iat === undefined) throw new AuthenticationError('UNTRUSTED', 'The access token does not say when it was issued.')
  const oldest = Math.floor(iat * 1000) + maxTokenAgeMs
  if (oldest <= Date.now()) throw expired()
  return Math.min(end, oldest)
}

/** The names of a token's roles; null for none at all. @throws AuthenticationError for a claim of another type */
function namesOf(payload: JWTPayload, { rolesClaim }: TokenRules): readonly string[] | null {
  const roles = claimAt(payload, rolesClaim) ?? null
  const names: unknown = typeof roles === 'string' ? roles.split(/\s+/) : roles
  if (names === null) return null
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string')) throw wrongClaim(rolesClaim)
  return names
}

const expired = (cause?: unknown) => new AuthenticationError('EXPIRED', 'The access token has expired.', cause)
const wrongClaim = (name: string) => new AuthenticationError('UNTRUSTED', `The token's claim ${name} has a wrong type.`)
