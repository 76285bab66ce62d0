import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PrismaPg } from '@prisma/adapter-pg'
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils'
import type {
  SqlDriverAdapter,
  SqlMigrationAwareDriverAdapterFactory,
  SqlQueryable,
} from '@prisma/driver-adapter-utils'
import pg from 'pg'

const FOLDER = join(import.meta.dirname, '../../prisma/migrations')

/** Any number that nothing else on the database uses: instances that start at once apply the migrations one by one. */
const ADVISORY_LOCK = 4_653_001

/** @returns the names of the migrations that were applied, none if the database was up to date */
export async function migratePostgres(target: string | pg.ClientConfig): Promise<string[]> {
  const config = typeof target === 'string' ? { connectionString: target } : target
  const client = new pg.Client({ ...config, application_name: 'fleetshare-migrate' })
  // Unheard, the event of a connection that breaks would end the process; statements fail by themselves.
  client.on('error', () => {})
  await client.connect()
  try {
    await client.query('SELECT pg_advisory_lock($1)', [ADVISORY_LOCK])
    const { rows } = await client.query<{ schema: string }>('SELECT current_schema() AS schema')
    const factory = new PrismaPg({ ...config, max: 1 }, { schema: rows[0]?.schema ?? 'public' })
    return await apply({
      provider: factory.provider,
      adapterName: factory.adapterName,
      connectToShadowDb: () => factory.connectToShadowDb(),
      connect: async () => {
        const adapter = await factory.connect()
        // The adapter's own executeScript splits at every semicolon and so breaks the bodies of functions.
        return Object.assign(adapter, { executeScript: async (sql: string) => void (await client.query(sql)) })
      },
    })
  } finally {
    await client.end()
  }
}

/** The embedded database has one user, this process, so that nothing needs to be locked. */
export const migrateEmbedded = (factory: SqlMigrationAwareDriverAdapterFactory): Promise<string[]> => apply(factory)

/**
 * Prisma's own engine as WebAssembly, so that `_prisma_migrations` is what `prisma migrate deploy` would write. It is an
 * internal package: its version is pinned to Prisma's.
 */
async function apply(unsafe: SqlMigrationAwareDriverAdapterFactory): Promise<string[]> {
  if (await isCurrent(unsafe)) return []
  const list = await migrationsList()
  const connected: SqlDriverAdapter[] = []
  const factory = withWholeMigrations(unsafe, new Set(list.migrationDirectories.map(scriptOf)), connected)
  const { SchemaEngine } = await loadEngine()
  const engine = await SchemaEngine.new(
    { datamodels: undefined },
    () => {},
    bindMigrationAwareSqlAdapterFactory(factory),
  )
  try {
    const { appliedMigrationNames } = await engine.applyMigrations({
      migrationsList: list,
      filters: { externalTables: [], externalEnums: [] },
    })
    return appliedMigrationNames
  } finally {
    engine.free()
    // The engine leaves its connections open, and with them its own advisory lock held.
    for (const adapter of connected) await adapter.dispose()
  }
}

type Migration = Awaited<ReturnType<typeof migrationsList>>['migrationDirectories'][number]
const scriptOf = ({ migrationFile }: Migration): string => migrationFile.content.value

/**
 * Each migration happens with its mark in `_prisma_migrations`, or not at all: a script is one implicit transaction, and
 * the mark becomes part of it. So what is not marked, because a start was killed on the way, left nothing behind and may
 * be tried again.
 */
function withWholeMigrations(
  factory: SqlMigrationAwareDriverAdapterFactory,
  scripts: ReadonlySet<string>,
  connected: SqlDriverAdapter[],
): SqlMigrationAwareDriverAdapterFactory {
  const unfinished = 'WHERE finished_at IS NULL AND rolled_back_at IS NULL'
  const mark = `UPDATE _prisma_migrations SET finished_at = now() ${unfinished}`
  return {
    provider: factory.provider,
    adapterName: factory.adapterName,
    connectToShadowDb: () => factory.connectToShadowDb(),
    connect: async () => {
      const adapter = await factory.connect()
      connected.push(adapter)
      if (await hasMigrations(adapter))
        await adapter.executeRaw({ sql: `DELETE FROM _prisma_migrations ${unfinished}`, args: [], argTypes: [] })
      const executeScript = adapter.executeScript.bind(adapter)
      return Object.assign(adapter, {
        executeScript: (sql: string) => executeScript(scripts.has(sql) ? `${sql};\n${mark}` : sql),
      })
    },
  }
}

async function hasMigrations(adapter: SqlQueryable): Promise<boolean> {
  const sql = `SELECT to_regclass('_prisma_migrations')::text`
  const [exists] = (await adapter.queryRaw({ sql, args: [], argTypes: [] })).rows
  return Boolean(exists?.[0])
}

/** Spares a start on a database that is up to date the second that the engine takes to load. */
async function isCurrent(factory: SqlMigrationAwareDriverAdapterFactory): Promise<boolean> {
  const adapter = await factory.connect()
  try {
    if (!(await hasMigrations(adapter))) return false
    const sql = 'SELECT migration_name, checksum FROM _prisma_migrations WHERE finished_at IS NOT NULL'
    const { rows } = await adapter.queryRaw({ sql, args: [], argTypes: [] })
    const applied = new Set(rows.map(([name, checksum]) => `${String(name)} ${String(checksum)}`))
    const wanted = (await migrationsList()).migrationDirectories.map(
      (migration) => `${migration.path} ${createHash('sha256').update(scriptOf(migration)).digest('hex')}`,
    )
    return wanted.every((migration) => applied.has(migration))
  } finally {
    await adapter.dispose()
  }
}

// TypeScript declares it for browsers only.
declare const WebAssembly: {
  instantiate(code: Uint8Array, imports: object): Promise<{ instance: { exports: { __wbindgen_start(): void } } }>
}

let engine: ReturnType<typeof instantiateEngine> | undefined

/** Once per process: the bindings hold one instance. */
const loadEngine = () => (engine ??= instantiateEngine())

/** By hand: Node warns that importing WebAssembly as a module is experimental. */
async function instantiateEngine() {
  const bindings = await import('@prisma/schema-engine-wasm/schema_engine_bg')
  const file = fileURLToPath(import.meta.resolve('@prisma/schema-engine-wasm').replace(/\.js$/, '_bg.wasm'))
  const { instance } = await WebAssembly.instantiate(await readFile(file), { './schema_engine_bg.js': bindings })
  const { __wbg_set_wasm: bind } = bindings as unknown as { __wbg_set_wasm: (exports: object) => void }
  bind(instance.exports)
  instance.exports.__wbindgen_start()
  return bindings
}

async function migrationsList() {
  const folders = (await readdir(FOLDER, { withFileTypes: true })).filter((entry) => entry.isDirectory())
  const names = folders.map(({ name }) => name).toSorted()
  return {
    baseDir: FOLDER,
    lockfile: { path: 'migration_lock.toml', content: await readFile(join(FOLDER, 'migration_lock.toml'), 'utf8') },
    shadowDbInitScript: '',
    migrationDirectories: await Promise.all(
      names.map(async (path) => ({
        path,
        migrationFile: {
          path: 'migration.sql',
          content: { tag: 'ok' as const, value: await readFile(join(FOLDER, path, 'migration.sql'), 'utf8') },
        },
      })),
    ),
  }
}
