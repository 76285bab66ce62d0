import { randomUUID } from 'node:crypto'
import { checksumOf, isChecksumOf } from './files.ts'
import type { Migration } from './files.ts'
import type { Connection } from './target.ts'

/** The start cannot go on, for a reason that an operator can mend. Its message is one line. */
export class MigrationError extends Error {
  readonly code = 'EMIGRATION'
}

/** A row of `_prisma_migrations`, which is the table of `prisma migrate`. */
type Mark = {
  readonly name: string
  readonly checksum: string
  readonly isFinished: boolean
  /** Prisma wrote down why it failed; a process that was killed writes nothing. */
  readonly isFailed: boolean
}

const TABLE = `CREATE TABLE _prisma_migrations (
  id VARCHAR(36) PRIMARY KEY NOT NULL,
  checksum VARCHAR(64) NOT NULL,
  finished_at TIMESTAMPTZ,
  migration_name VARCHAR(255) NOT NULL,
  logs TEXT,
  rolled_back_at TIMESTAMPTZ,
  started_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  applied_steps_count INTEGER NOT NULL DEFAULT 0
)`

const MARKS = `SELECT migration_name AS name, checksum, finished_at IS NOT NULL AS "isFinished",
  finished_at IS NULL AND COALESCE(logs, '') <> '' AS "isFailed"
  FROM _prisma_migrations WHERE rolled_back_at IS NULL ORDER BY migration_name`

/** The schema of the migrations: the one that has their table, else the one that new tables go to. */
const SCHEMA = `SELECT to_regclass('_prisma_migrations') IS NOT NULL AS "hasMarks", COALESCE(
  (SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = to_regclass('_prisma_migrations')),
  quote_ident(current_schema())) AS schema`

const FOREIGN_TABLES = `SELECT 1 FROM pg_class WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
  AND relkind IN ('r', 'p')
  AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e') LIMIT 1`

export type State = {
  /** The schema's name as it is written in SQL. */
  readonly schema: string
  readonly hasMarks: boolean
  /** Whether no migration was ever applied. */
  readonly isNew: boolean
  /** The migrations that are not applied yet, in order. */
  readonly pending: readonly Migration[]
}

/** @throws MigrationError when the database is not one that this version can go on with */
export async function readState({ query }: Connection, migrations: readonly Migration[]): Promise<State> {
  const [found] = await query<{ hasMarks: boolean; schema: string | null }>(SCHEMA)
  if (!found?.schema) throw new MigrationError('the search_path of the database connection names no schema that exists')
  const marks = found.hasMarks ? await query<Mark>(MARKS) : []
  const finished = marks.filter(({ isFinished }) => isFinished)
  checkKnown(finished, migrations)
  for (const migration of migrations) checkMarks(migration, marks)
  const applied = new Set(finished.map(({ name }) => name))
  return {
    schema: found.schema,
    hasMarks: found.hasMarks,
    isNew: finished.length === 0,
    pending: migrations.filter(({ name }) => !applied.has(name)),
  }
}

function checkKnown(finished: readonly Mark[], migrations: readonly Migration[]): void {
  const known = new Set(migrations.map(({ name }) => name))
  const unknown = finished.map(({ name }) => name).filter((name) => !known.has(name))
  if (unknown.length === 0) return
  const others = unknown.length > 1 ? ` and ${unknown.length - 1} more` : ''
  throw new MigrationError(
    `the database belongs to a newer version of FleetShare: this one does not know its migration ${unknown.at(-1)}${others}`,
  )
}

function checkMarks(migration: Migration, marks: readonly Mark[]): void {
  const { name } = migration
  const own = marks.filter((mark) => mark.name === name)
  const [finished] = own.filter(({ isFinished }) => isFinished)
  if (!finished && own.some(({ isFailed }) => isFailed)) {
    throw new MigrationError(
      `migration ${name} is marked as failed in _prisma_migrations: undo what it left, and set its rolled_back_at`,
    )
  }
  if (finished && !isChecksumOf(finished.checksum, migration)) {
    throw new MigrationError(
      `migration ${name} is not the one that was applied: the database has checksum ${finished.checksum}, the file ${checksumOf(migration)}`,
    )
  }
}

/**
 * Makes the table of marks where there is none.
 * @throws MigrationError where the schema has tables already
 */
export async function ensureMarks({ query }: Connection, { schema, hasMarks }: State): Promise<void> {
  if (hasMarks) return
  if ((await query(FOREIGN_TABLES)).length > 0) {
    throw new MigrationError(
      `schema ${schema} has tables, but none of FleetShare's migrations: it takes a database or a schema of its own`,
    )
  }
  await query(TABLE)
}

/** Marks a migration as applied, in the row that `prisma migrate deploy` would leave. */
export async function mark({ query }: Connection, migration: Migration, elapsedMs: number): Promise<void> {
  const { name } = migration
  // Older versions marked the beginning, too: a process that was killed leaves such a row.
  await query(
    'DELETE FROM _prisma_migrations WHERE migration_name = $1 AND finished_at IS NULL AND rolled_back_at IS NULL',
    [name],
  )
  await query(
    `INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
      SELECT $1, $2, $3, now - $4 * INTERVAL '1 ms', now, 1 FROM clock_timestamp() AS now`,
    [randomUUID(), checksumOf(migration), name, Math.round(elapsedMs)],
  )
}
