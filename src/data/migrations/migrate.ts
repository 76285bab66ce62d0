import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { readMigrations } from './files.ts'
import type { Migration } from './files.ts'
import { pastDeadlocks } from './deadlocks.ts'
import { ensureMarks, mark, MigrationError, readState } from './marks.ts'
import type { State } from './marks.ts'
import { PooledError, withPostgresTarget } from './target.ts'
import type { Connection, MigrationLog, MigrationTarget, Notice } from './target.ts'
import { splitStatements } from './split-statements.ts'

export type MigrationOptions = {
  readonly log?: MigrationLog
  /** Other migrations than the project's, for tests. */
  readonly migrations?: readonly Migration[]
  /** The time to wait for another process that migrates, for tests. Milliseconds. */
  readonly patience?: Patience
}

type Patience = { readonly pollMs: number; readonly quietMs: number; readonly mostMs: number }

const PATIENCE: Patience = { pollMs: 100, quietMs: 5_000, mostMs: 600_000 }

/** Any number that nothing else on the database uses. Versions before this one lock by it, too. */
const ADVISORY_LOCK = 4_653_001

const HOLDER = `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = 0 AND objid = ${ADVISORY_LOCK}
  AND objsubid = 1 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`

/**
 * Applies what is missing. Each migration happens with its mark in `_prisma_migrations`, or not at all; a script that says
 * that it runs outside of a transaction is marked after its last statement, and done again from its first if it was cut off.
 * @returns the names of the migrations that were applied, none if the database was up to date
 * @throws MigrationError
 */
export async function migrate(target: MigrationTarget, options: MigrationOptions = {}): Promise<string[]> {
  const migrations = options.migrations ?? (await readMigrations())
  const { log = () => {}, patience = PATIENCE } = options
  const read = () => target.transaction((connection) => readState(connection, migrations))
  let state = await read()
  const run: Run = { target, migrations, log, patience, level: state.isNew ? 'debug' : 'info' }
  const applied: string[] = []
  for (; state.pending[0]; state = await read()) {
    const name = await (state.pending[0].isTransactional ? applyWhole(run) : applyBySteps(run))
    if (name !== null) applied.push(name)
  }
  return applied
}

/** @param where a URL or a client's settings, where possible without a pooler in between */
export const migratePostgres = (
  where: Parameters<typeof withPostgresTarget>[0],
  options: MigrationOptions = {},
): Promise<string[]> => withPostgresTarget(where, (target) => migrate(target, options))

type Run = Required<MigrationOptions> & {
  readonly target: MigrationTarget
  /** The level of the lines about migrations. */
  readonly level: 'debug' | 'info'
}

/**
 * Applies the next migration in one transaction, which holds the lock: it is released however the attempt ends, also
 * where a pooler hands the session to another client. After a deadlock with writers they are held up first.
 * @returns its name; null when another process was faster
 */
const applyWhole = (run: Run): Promise<string | null> =>
  whenFree(run, () =>
    pastDeadlocks(run.log, (holdWriters) =>
      run.target.transaction(async (connection) => {
        if (!(await isTrue(connection, `pg_try_advisory_xact_lock(${ADVISORY_LOCK})`))) return busy(connection)
        const state = await readState(connection, run.migrations)
        const [migration] = state.pending
        if (!migration?.isTransactional) return null
        await connection.query(`SET LOCAL search_path = ${state.schema}`)
        await holdWriters(connection)
        return apply(run, connection, migration, state)
      }),
    ),
  )

/**
 * Applies the next migration statement by statement. The session that runs them holds the lock: after a kill it is free once
 * PostgreSQL has ended the statement that was under way.
 * @returns its name; null when another process was faster
 */
const applyBySteps = (run: Run): Promise<string | null> =>
  whenFree(run, () => run.target.session((connection) => stepsIn(run, connection))).catch((error: unknown) => {
    if (!(error instanceof PooledError)) throw error
    const message = 'a migration that runs outside of a transaction cannot go through a pooler of connections'
    throw new MigrationError(`${message}: DATABASE_DIRECT_URL names the way around it`, { cause: error })
  })

async function stepsIn(run: Run, connection: Connection): Promise<string | null | Busy> {
  if (!(await isTrue(connection, `pg_try_advisory_lock(${ADVISORY_LOCK})`))) return busy(connection)
  try {
    const state = await readState(connection, run.migrations)
    const [migration] = state.pending
    if (!migration || migration.isTransactional) return null
    await connection.query(`SET search_path = ${state.schema}`)
    return await apply(run, connection, migration, state)
  } finally {
    await connection.exec(`RESET search_path; SELECT pg_advisory_unlock(${ADVISORY_LOCK})`, () => {}).catch(() => {})
  }
}

async function apply(run: Run, connection: Connection, migration: Migration, state: State): Promise<string> {
  const { log, level } = run
  const { name, script, isTransactional } = migration
  await ensureMarks(connection, state)
  log(level, `applying migration ${name}`)
  const started = performance.now()
  const onNotice = ({ message, isWarning }: Notice) => log(isWarning ? 'warn' : level, `${name}: ${message}`)
  try {
    for (const part of isTransactional ? [script] : splitStatements(script)) await connection.exec(part, onNotice)
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new MigrationError(`migration ${name} failed: ${message}`, { cause })
  }
  await mark(connection, migration, performance.now() - started)
  return name
}

type Busy = { readonly holder: number | null }

async function busy({ query }: Connection): Promise<Busy> {
  const [found] = await query<{ pid: number }>(HOLDER)
  return { holder: found?.pid ?? null }
}

/**
 * Tries again until no other process migrates. It asks instead of waiting in PostgreSQL: a statement that waits has a
 * snapshot, for whose end CREATE INDEX CONCURRENTLY of the other process would wait in turn.
 * @throws MigrationError after the longest wait
 */
async function whenFree({ log, patience }: Run, attempt: () => Promise<string | null | Busy>): Promise<string | null> {
  const began = performance.now()
  for (let told = false; ;) {
    const result = await attempt()
    if (result === null || typeof result === 'string') return result
    const waited = performance.now() - began
    const other = `another process${result.holder === null ? '' : ` (PostgreSQL's process ${result.holder})`}`
    if (waited >= patience.mostMs) {
      throw new MigrationError(`${other} has been migrating the database for ${Math.round(waited / 1_000)} s`)
    }
    if (waited >= patience.quietMs && !told) {
      log('info', `waiting for ${other}, which migrates the database`)
      told = true
    }
    await sleep(patience.pollMs)
  }
}

async function isTrue({ query }: Connection, expression: string): Promise<boolean> {
  const [row] = await query<{ is: boolean }>(`SELECT ${expression} AS is`)
  return row?.is ?? false
}
