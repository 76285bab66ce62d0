import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { developmentToken } from '../../src/server/auth/keys.ts'
import { readSettings } from '../../src/settings.ts'
import { openData } from '../support/data.ts'
import { sql } from '../support/databases.ts'
import { startPostgres } from '../support/postgres.ts'
import { startInstance } from './instance.ts'
import type { Instance } from './instance.ts'

/** A database of its own, and server processes on it that trust the same development key. */
export type Arena = {
  readonly db: pg.Client
  /** Seals the cursors of this database. */
  readonly cursorKey: Uint8Array
  /** @param flags of Node */
  readonly start: (flags?: readonly string[]) => Promise<Instance>
  /** Good for longer than any measurement. */
  readonly token: (fleetId: string | null, role: string) => Promise<string>
}

const TOKEN_SECONDS = 6 * 60 * 60

/**
 * Runs a measurement on an empty, migrated database: on the PostgreSQL server of DATABASE_URL, else on one that is started
 * for it, with PostgreSQL's own settings. Nothing of it is left afterwards.
 */
export async function inArena(measure: (arena: Arena) => Promise<void>): Promise<void> {
  const closers: (() => Promise<unknown>)[] = []
  try {
    const folder = await mkdtemp(join(tmpdir(), 'fleetshare-scale-'))
    closers.push(() => rm(folder, { recursive: true, force: true }))
    const databaseUrl = await newDatabase(closers)
    const settings = readSettings({ DATABASE_URL: databaseUrl, DATA_DIR: folder })
    const opened = await openData(settings)
    const { value: cursorKey } = await opened.prisma.secret.findUniqueOrThrow({ where: { name: 'cursor' } })
    await opened.close()
    const db = new pg.Client({ connectionString: databaseUrl })
    await db.connect()
    closers.push(() => db.end())
    await measure({
      db,
      cursorKey,
      start: async (flags) => {
        const instance = await startInstance(settings, flags)
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

async function newDatabase(closers: (() => Promise<unknown>)[]): Promise<string> {
  const given = process.env['DATABASE_URL']
  const name = `fleetshare_scale_${process.pid}`
  let server = given
  if (server === undefined) {
    const postgres = await startPostgres(['max_connections=300'])
    closers.push(postgres.stop)
    server = `${postgres.url}/postgres`
  }
  await sql(server, `CREATE DATABASE ${name}`)
  const administration = server
  closers.push(() => sql(administration, `DROP DATABASE ${name} WITH (FORCE)`))
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}
