import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { FLEETS, fleetId } from './data.ts'

const ISSUER = 'https://login.example'
const AUDIENCE = 'fleetshare-bench'
const ALGORITHM = 'ES256'

/** One for each fleet's manager, by the fleet's number, and a gateway's. */
export type Tokens = { readonly fleets: readonly string[]; readonly gateway: string }

export type Issuer = {
  readonly tokens: Tokens
  /** What makes a server trust them. */
  readonly env: Readonly<Record<string, string>>
  readonly close: () => void
}

/** An identity provider as far as a resource server sees it: a key set behind HTTP, and tokens that outlast the run. */
export async function startIssuer(): Promise<Issuer> {
  const { publicKey, privateKey } = await generateKeyPair(ALGORITHM)
  const jwk = { ...(await exportJWK(publicKey)), kid: 'bench', alg: ALGORITHM, use: 'sig' }
  const keys = createServer((_request, response) => {
    response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ keys: [jwk] }))
  })
  await once(keys.listen(0, '127.0.0.1'), 'listening')
  const sign = (claims: Record<string, unknown>) =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: ALGORITHM, kid: 'bench' })
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setExpirationTime('24h')
      .sign(privateKey)
  const { port } = keys.address() as AddressInfo
  return {
    tokens: {
      fleets: await Promise.all(
        Array.from({ length: FLEETS }, (_, fleet) => sign({ fleet_id: fleetId(fleet), roles: ['MANAGER'] })),
      ),
      gateway: await sign({ roles: ['GATEWAY'] }),
    },
    env: { AUTH_JWKS_URL: `http://127.0.0.1:${port}/keys`, AUTH_ISSUER: ISSUER, AUTH_AUDIENCE: AUDIENCE },
    close: () => {
      keys.close()
      keys.closeAllConnections()
    },
  }
}
