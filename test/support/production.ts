import { inject } from 'vitest'
import { newPostgresDatabase } from './databases.ts'
import { newKey, startProvider } from './provider.ts'
import { startServer } from './server.ts'
import type { ServerOptions, TestServer } from './server.ts'
import { makeWorld } from './world.ts'
import type { World } from './world.ts'

export type Production = TestServer & { readonly owner: string }

/**
 * A server as operators run it: an identity provider's tokens, and nothing for people who look around. `prepare` finds its
 * world on another one, before it starts.
 */
export async function startProduction(
  options: ServerOptions = {},
  prepare: (world: World, open: TestServer) => Promise<void> = async () => {},
): Promise<Production> {
  const databaseUrl = await newPostgresDatabase(inject('postgresUrl'))
  const development = await startServer({ databaseUrl })
  const world = await makeWorld(development)
  await prepare(world, development)
  await development.close()
  const key = await newKey('ES256', 'key')
  const provider = await startProvider(key)
  const server = await startServer({
    ...options,
    databaseUrl,
    env: { ...options.env, ...provider.env, NODE_ENV: 'production' },
  })
  return {
    ...server,
    owner: world.owner,
    token: (fleetId, roles, lifetime = 3600) =>
      key.sign({ fleet_id: fleetId ?? undefined, roles, exp: Math.floor(Date.now() / 1000) + lifetime }),
    close: async () => {
      await server.close()
      await provider.stop()
    },
  }
}
