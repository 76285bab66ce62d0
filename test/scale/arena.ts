import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { developmentToken } from '../../src/server/auth/keys.ts'
import { readSettings } from '../../src/settings.ts'
import { openData } from '../support/data.ts'
import { sql } from '../support/databases.ts'
import { startFollowerOf, startPostgres } from '../support/postgres.ts'
import type { Postgres } from '../support/postgres.ts'
import { startInstance } from './instance.ts'
import type { Instance } from './instance.ts'

/** A database of its own, and server processes on it that trust the same development key. */
export type Arena = {
  readonly db: pg.Client
  /** The servers of the database: the primary, and the standby if there is one. None if the server is somebody else's. */
  readonly servers: readonly Postgres[]
  /** Seals the cursors of this database. */
  readonly cursorKey: Uint8Array
  /** @param flags of Node */
  readonly start: (flags?: readonly string[], env?: Readonly<Record<string, string>>) => Promise<Instance>
  /** Good for longer than any measurement. */
  readonly token: (fleetId: string | null, role: string) => Promise<string>
}

const TOKEN_SECONDS = 6 * 60 * 60

/**
 * Runs a measurement on an empty, migrated database: on the PostgreSQL server of DATABASE_URL, else on one that is started
 * for it, with PostgreSQL's own settings. Nothing of it is left afterwards.
 * @param options whether a standby follows the server, and the instances know it
 */
export async function inArena(
  measure: (arena: Arena) => Promise<void>,
  { standby = false }: { readonly standby?: boolean } = {},
): Promise<void> {
  const closers: (() => Promise<unknown>)[] = []
  try {
    const folder = await mkdtemp(join(tmpdir(), 'fleetshare-scale-'))
    closers.push(() => rm(folder, { recursive: true, force: true }))
    const { url: databaseUrl, servers } = await newDatabase(closers, standby)
    const [, follower] = servers
    const replica = follower ? { DATABASE_REPLICA_URL: follower.url + new URL(databaseUrl).pathname } : {}
    const settings = readSettings({ DATABASE_URL: databaseUrl, DATA_DIR: folder, ...replica })
    const opened = await openData(settings)
    const { value: cursorKey } = await opened.prisma.secret.findUniqueOrThrow({ where: { name: 'cursor' } })
    await opened.close()
    const db = new pg.Client({ connectionString: databaseUrl })
    await db.connect()
    closers.push(() => db.end())
    await measure({
      db,
      servers,
      cursorKey,
      start: async (flags, env) => {
        const instance = await startInstance(settings, flags, env)
        closers.push(async () => {
          await instance.kill()
          // They belong to the figures, wherever they come from.
          for (const [complaint, times] of instance.complaints)
            console.log(`  the server logged ${times} x ${complaint}`)
        })
        return instance
      },
      token: (fleetId, role) => developmentToken(settings, fleetId, [role], TOKEN_SECONDS),
    })
  } finally {
    for (const close of closers.toReversed()) await close()
  }
}

const SETTINGS = ['max_connections=300']

/** A database of its own, on the PostgreSQL server of DATABASE_URL or on one that is started for it; empty. */
export async function newDatabase(closers: (() => Promise<unknown>)[], standby: boolean) {
  const name = `fleetshare_scale_${process.pid}`
  const servers: Postgres[] = []
  let server = process.env['DATABASE_URL']
  if (standby && server !== undefined)
    throw new Error('DATABASE_URL names a server without a standby of this measurement')
  if (server === undefined) {
    const postgres = await startPostgres(SETTINGS)
    servers.push(postgres)
    closers.push(postgres.stop)
    server = `${postgres.url}/postgres`
    if (standby) {
      const follower = await startFollowerOf(postgres, SETTINGS)
      servers.push(follower)
      closers.push(follower.stop)
    }
  }
  await sql(server, `CREATE DATABASE ${name}`)
  const administration = server
  closers.push(() => sql(administration, `DROP DATABASE ${name} WITH (FORCE)`))
  const url = new URL(server)
  url.pathname = `/${name}`
  return { url: url.href, servers }
}
