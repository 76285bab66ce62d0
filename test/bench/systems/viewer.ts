import { createRemoteJWKSet, jwtVerify } from 'jose'
import { LRUCache } from 'lru-cache'

/** Whom a token speaks for. */
export type Viewer = {
  readonly fleetId: string | null
  readonly roles: readonly string[]
  readonly tokenExpiresAt: string
}

/** What all that is served needs: a viewer that belongs to a fleet, or a gateway. */
export type Verify = (authorization: string | undefined) => Promise<Viewer>

export class UnauthenticatedError extends Error {
  readonly statusCode = 401
}

const { AUTH_JWKS_URL = '', AUTH_ISSUER = '', AUTH_AUDIENCE = '' } = process.env

/** Verifies every token, as the documentation of jose shows. */
export function createVerify(): Verify {
  const keys = createRemoteJWKSet(new URL(AUTH_JWKS_URL))
  return async (authorization = '') => {
    const [scheme, token] = authorization.split(' ')
    if (scheme !== 'Bearer' || token === undefined) throw new UnauthenticatedError('an access token is needed')
    const { payload } = await jwtVerify<{ fleet_id?: string; roles: string[] }>(token, keys, {
      issuer: AUTH_ISSUER,
      audience: AUTH_AUDIENCE,
      algorithms: ['ES256'],
      requiredClaims: ['exp'],
    }).catch((error: Error) => {
      throw new UnauthenticatedError(error.message)
    })
    return {
      fleetId: payload.fleet_id ?? null,
      roles: payload.roles,
      tokenExpiresAt: new Date((payload.exp ?? 0) * 1000).toISOString(),
    }
  }
}

/** Verifies a token once, and remembers until it expires what it says. */
export function createCachedVerify(): Verify {
  const verify = createVerify()
  const known = new LRUCache<string, Viewer>({ max: 10_000 })
  return async (authorization = '') => {
    const found = known.get(authorization)
    if (found !== undefined) return found
    const viewer = await verify(authorization)
    known.set(authorization, viewer, { ttl: Math.max(1, Date.parse(viewer.tokenExpiresAt) - Date.now()) })
    return viewer
  }
}

/** @throws unless the viewer belongs to a fleet */
export function fleetOf({ fleetId }: Viewer): string {
  if (fleetId === null) throw new Error('FORBIDDEN')
  return fleetId
}

/** @throws unless the viewer may change what is its fleet's */
export function managedFleetOf(viewer: Viewer): string {
  if (!viewer.roles.includes('MANAGER')) throw new Error('ROLE_NOT_SUFFICIENT')
  return fleetOf(viewer)
}

/** @throws unless the viewer is a gateway */
export function requireGateway({ roles }: Viewer): void {
  if (!roles.includes('GATEWAY')) throw new Error('FORBIDDEN')
}
