import { createHash, randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { btree_gist } from '@electric-sql/pglite/contrib/btree_gist'
import { inject } from 'vitest'
import { newDataDir, sql } from './databases.ts'
import type { DatabaseKind } from './server.ts'

const MIGRATIONS = join(import.meta.dirname, '../../prisma/migrations')

export type OlderDatabase = { readonly databaseUrl: string | null; readonly dataDir: string }

/** The last migration of version 0.1.0. */
export const VERSION_0_1_0 = '20261122070000_tell_what_was_recorded'

/** A database as an older version left it, empty: with the migrations up to one, and their marks. */
export async function olderDatabase(kind: DatabaseKind, last: string): Promise<OlderDatabase> {
  const script = await scriptUpTo(last)
  const dataDir = await newDataDir(null)
  if (kind === 'postgres') {
    const name = `older_${randomUUID().replaceAll('-', '')}`
    await sql(`${inject('postgresUrl')}/postgres`, `CREATE DATABASE ${name}`)
    const databaseUrl = `${inject('postgresUrl')}/${name}`
    await sql(databaseUrl, script)
    return { databaseUrl, dataDir }
  }
  const client = await PGlite.create({ dataDir: join(dataDir, 'postgres'), extensions: { btree_gist } })
  await client.exec(script)
  await client.close()
  return { databaseUrl: null, dataDir }
}

async function scriptUpTo(last: string): Promise<string> {
  const entries = await readdir(MIGRATIONS, { withFileTypes: true })
  const names = entries.flatMap((entry) => (entry.isDirectory() && entry.name <= last ? [entry.name] : [])).toSorted()
  const scripts = await Promise.all(names.map((name) => readFile(join(MIGRATIONS, name, 'migration.sql'), 'utf8')))
  const marks = names.map((name, index) => {
    const checksum = createHash('sha256')
      .update(scripts[index] ?? '')
      .digest('hex')
    return `('${randomUUID()}', '${checksum}', '${name}', now(), 1)`
  })
  return `${scripts.join(';\n')};
    CREATE TABLE _prisma_migrations (id VARCHAR(36) PRIMARY KEY NOT NULL, checksum VARCHAR(64) NOT NULL,
      finished_at TIMESTAMPTZ, migration_name VARCHAR(255) NOT NULL, logs TEXT, rolled_back_at TIMESTAMPTZ,
      started_at TIMESTAMPTZ NOT NULL DEFAULT now(), applied_steps_count INTEGER NOT NULL DEFAULT 0);
    INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count) VALUES ${marks.join(', ')}`
}
