import { createHash } from 'node:crypto'
import { errors, jwtVerify } from 'jose'
import type { JWTPayload, JWTVerifyGetKey } from 'jose'
import { LRUCache } from 'lru-cache'
import { LATEST_INSTANT } from '../../domain/period.ts'
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

/** At once for a token that is known. @throws AuthenticationError */
export type Authenticate = (authorization: string | undefined) => Viewer | Promise<Viewer>

export type TokenRules = {
  readonly getKey: JWTVerifyGetKey
  /** Counts the fetches of the keys: tokens verified with earlier keys have to be verified again. */
  readonly generation: () => number
  readonly issuer: string
  readonly audience: string
  readonly fleetClaim: string
  readonly rolesClaim: string
}

/** Asymmetric only: with a shared secret, or none, everybody that can verify a token could also make one. */
const ALGORITHMS = ['RS256', 'ES256', 'EdDSA', 'Ed25519']

export type TokenChecks = {
  readonly fleetExists: (id: string) => Promise<boolean>
  readonly isRevoked: (claims: Claims) => boolean
}

/** Verified tokens that are cached, and the longest Authorization header that is. */
const CACHED_TOKENS = 10_000
const LONGEST_CACHED = 4_096

export function createAuthenticate(rules: TokenRules, { fleetExists, isRevoked }: TokenChecks): Authenticate {
  const verified = new LRUCache<string, { readonly viewer: Viewer; readonly generation: number }>({
    max: CACHED_TOKENS,
  })
  const check = async (authorization: string | undefined): Promise<Viewer> => {
    const token = /^Bearer +([\w.~+/=-]+) *$/i.exec(authorization ?? '')?.[1]
    if (token === undefined) {
      throw new AuthenticationError('UNTRUSTED', 'An access token is needed: Authorization: Bearer TOKEN.')
    }
    const generation = rules.generation()
    const claims = claimsOf(token, await verify(token, rules), rules)
    // jose counts in whole seconds; an exp may have a fraction.
    if (claims.expiresAt <= Date.now()) throw expired()
    const viewer = viewerOf(claims)
    const isStranger = viewer.kind === 'FLEET' && !(await fleetExists(viewer.member.fleetId))
    // Last: it may have been revoked while the database was asked.
    if (isRevoked(claims)) throw new AuthenticationError('UNTRUSTED', 'The access token has been revoked.')
    if (isStranger) return { ...viewer, kind: 'NOBODY' }
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
      clockTolerance: 0,
    })
    return payload
  } catch (error) {
    if (error instanceof AuthenticationError) throw error
    if (error instanceof errors.JWTExpired) throw expired(error)
    throw new AuthenticationError('UNTRUSTED', 'The access token is not trusted.', error)
  }
}

function claimsOf(token: string, payload: JWTPayload, { fleetClaim, rolesClaim }: TokenRules): Claims {
  const fleetId = payload[fleetClaim] ?? null
  const roles = payload[rolesClaim] ?? []
  if (fleetId !== null && typeof fleetId !== 'string') throw wrongClaim(fleetClaim)
  const names = typeof roles === 'string' ? roles.split(/\s+/) : roles
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string')) throw wrongClaim(rolesClaim)
  const expiresAt = Math.min(Math.floor((payload.exp ?? 0) * 1000), LATEST_INSTANT)
  const { iat, sub } = payload
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

const expired = (cause?: unknown) => new AuthenticationError('EXPIRED', 'The access token has expired.', cause)
const wrongClaim = (name: string) => new AuthenticationError('UNTRUSTED', `The token's claim ${name} has a wrong type.`)
