import { access } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { findings, lineOf } from '../../domain/verify/findings.ts'
import { openEmbedded } from '../connection/embedded.ts'
import { readIndexes } from './indexes.ts'
import { readKept } from './kept.ts'
import { lockVehicle, commitDecision } from '../decisions/lock.ts'
import { postgresSql } from '../database/statement.ts'
import type { Sql } from '../database/statement.ts'

/** One thing in the database that does not agree, and a line that says so. */
export type Disagreement = {
  readonly line: string
  /** The vehicle that it is about, where its rows can be repaired by the log. */
  readonly vehicleId: string | null
  /** The index that has to be rebuilt, and whether it is an exclusion constraint's. */
  readonly index: { readonly name: string; readonly excludes: boolean } | null
}

export type OpenedSql = { readonly sql: Sql; readonly close: () => Promise<void> }

/**
 * The database alone, as it is: nothing is migrated.
 * @throws where there is none, or the embedded one is in use
 */
export async function openSql(settings: {
  readonly databaseUrl: string | null
  readonly databaseDirectUrl?: string | null
  readonly dataDir: string
}): Promise<OpenedSql> {
  const url = settings.databaseDirectUrl ?? settings.databaseUrl
  if (url === null) {
    const folder = join(settings.dataDir, 'postgres')
    await access(join(folder, 'PG_VERSION')).catch((cause: unknown) => {
      throw new Error(`there is no embedded database in ${settings.dataDir}`, { cause })
    })
    return openEmbedded(folder)
  }
  const pool = new pg.Pool({
    connectionString: url,
    application_name: 'fleetshare-verify',
    options: '-c timezone=UTC -c statement_timeout=0 -c idle_in_transaction_session_timeout=0',
    max: 1,
  })
  pool.on('error', () => {})
  return { sql: postgresSql(pool, false), close: () => pool.end() }
}

/** @throws unless the tables are there and, for a repair, of this version */
export async function checkVersion({ query }: Sql, repairs: boolean): Promise<void> {
  const text = `SELECT to_regclass('pruned') IS NOT NULL AS known, to_regprocedure('repair_vehicle(text)') IS NOT NULL AS current`
  const [row] = await query<{ known: boolean; current: boolean }>({ name: '', text }, [])
  if (!row?.known) throw new Error('there are no tables of FleetShare in this database')
  if (repairs && !row.current) throw new Error('the database is of an older version: npm run migrate repairs it, too')
}

/**
 * Compares all sharings and commands with the log, with each other, and with the indexes, as of one instant; nothing is locked
 * or written. Memory holds one vehicle at a time.
 */
export async function verify(sql: Sql, tell: (disagreement: Disagreement) => void): Promise<void> {
  await sql.transaction(async ({ query }) => {
    await query({ name: '', text: 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY' }, [])
    // Before the snapshot is taken: a partition that is dropped after it would be missed.
    await query({ name: '', text: 'LOCK TABLE event IN ACCESS SHARE MODE' }, [])
    for await (const kept of readKept(query)) {
      for (const finding of findings(kept)) {
        tell({ line: lineOf(finding), vehicleId: finding.repair && finding.vehicleId, index: null })
      }
    }
    for (const { index: name, table, rows, found, lost, excludes } of await readIndexes(query)) {
      const which = lost.length > 0 ? ` (not ${lost.join(', ')}${lost.length < rows - found ? ', ...' : ''})` : ''
      const line = `index ${name}: finds ${found} of ${rows} rows of ${table}${which}; repair: it is rebuilt`
      tell({ line, vehicleId: null, index: { name, excludes } })
    }
  })
}

/**
 * Makes a vehicle's rows agree with the log, and records what fell due meanwhile, under the vehicle's lock.
 * @returns what was done, line by line
 */
export async function repairVehicle(sql: Sql, vehicleId: string): Promise<string[]> {
  return sql.transaction(async (tx) => {
    const text = 'SELECT repair_vehicle AS line FROM repair_vehicle($1)'
    const lines = (await tx.query<{ line: string }>({ name: '', text }, [vehicleId])).map(({ line }) => line)
    const decision = await lockVehicle(tx, { vehicleId, requestId: null, handover: false })
    if (!decision) return lines
    await commitDecision(decision)
    return [
      ...lines,
      ...decision.events.map((event) => {
        const what = 'sharingId' in event ? `sharing ${event.sharingId}` : 'a command'
        return `vehicle ${vehicleId}, ${what}: ${event.type} is recorded as of ${new Date(event.occurredAt).toISOString()}`
      }),
    ]
  })
}

/** Rebuilds an index; that of an exclusion constraint keeps the table from being written and read meanwhile. */
export async function rebuild(sql: Sql, { name, excludes }: NonNullable<Disagreement['index']>): Promise<string> {
  await sql.query({ name: '', text: `REINDEX INDEX ${excludes ? '' : 'CONCURRENTLY '}"${name}"` }, [])
  return `index ${name}: is rebuilt`
}
