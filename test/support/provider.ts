import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { CryptoKey, JWK, JWTHeaderParameters } from 'jose'
import type { ServerOptions } from './server.ts'

export const ISSUER = 'https://login.example'
export const AUDIENCE = 'fleetshare-test'

/** What a token claims beside or instead of the usual; undefined leaves a claim out. */
export type TokenClaims = Readonly<Record<string, unknown>>

export type SigningKey = {
  readonly kid: string
  readonly jwk: JWK
  readonly publicKey: CryptoKey
  readonly privateKey: CryptoKey
  readonly sign: (claims?: TokenClaims, header?: Partial<JWTHeaderParameters>) => Promise<string>
}

export async function newKey(alg: string, kid: string): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  return {
    kid,
    jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' },
    publicKey,
    privateKey,
    sign: (claims = {}, header = {}) =>
      new SignJWT(withUsual(claims)).setProtectedHeader({ alg, kid, ...header }).sign(privateKey),
  }
}

/** Trusted, and an hour to live, unless `claims` say otherwise. */
export const withUsual = (claims: TokenClaims) => ({
  iss: ISSUER,
  aud: AUDIENCE,
  exp: Math.floor(Date.now() / 1000) + 3600,
  ...claims,
})

export type TestProvider = {
  /** What it serves; may be changed at any time. */
  keys: readonly SigningKey[]
  /** What it answers with instead of the keys: a server that is up, and broken. */
  answer: { readonly status: number; readonly body: string } | null
  /** How often the key set was asked for. */
  readonly requests: () => number
  readonly jwksUrl: string
  /** For startServer(). */
  readonly env: NonNullable<ServerOptions['env']>
  readonly stop: () => Promise<void>
  /** On the same port as before. */
  readonly restart: () => Promise<void>
}

/** An identity provider as far as a resource server sees it: a key set, behind a real HTTP server. */
export async function startProvider(...keys: readonly SigningKey[]): Promise<TestProvider> {
  let requests = 0
  const server = createServer((_request, response) => {
    requests++
    const { answer } = provider
    response.writeHead(answer?.status ?? 200, { 'Content-Type': 'application/json', Connection: 'close' })
    response.end(answer?.body ?? JSON.stringify({ keys: provider.keys.map(({ jwk }) => jwk) }))
  })
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }
  const port = await listen(0)
  const jwksUrl = `http://127.0.0.1:${port}/keys`
  const provider: TestProvider = {
    keys,
    answer: null,
    requests: () => requests,
    jwksUrl,
    env: { AUTH_JWKS_URL: jwksUrl, AUTH_ISSUER: ISSUER, AUTH_AUDIENCE: AUDIENCE },
    stop: async () => {
      if (!server.listening) return
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
    restart: async () => void (await listen(port)),
  }
  return provider
}
