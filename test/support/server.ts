import { rm } from 'node:fs/promises'
import { pino } from 'pino'
import { afterAll, inject } from 'vitest'
import { createApp } from '../../src/app.ts'
import type { App, Resources } from '../../src/app.ts'
import { developmentToken } from '../../src/server/auth/keys.ts'
import { readSettings } from '../../src/settings.ts'
import type { Settings } from '../../src/settings.ts'
import { newDataDir, newPostgresDatabase } from './databases.ts'

export type DatabaseKind = 'postgres' | 'embedded'
export const DATABASE_KINDS: readonly DatabaseKind[] = ['postgres', 'embedded']

export type TestServer = {
  /** http://127.0.0.1:port */
  readonly url: string
  readonly app: App
  readonly settings: Settings
  /** A token of the development issuer. `lifetime` in seconds; an hour if absent. */
  readonly token: (fleetId: string | null, roles: string | readonly string[], lifetime?: number) => Promise<string>
  readonly close: () => Promise<void>
}

export type ServerOptions = Partial<Omit<Resources, 'settings'>> & {
  readonly database?: DatabaseKind
  /** To start a further instance on the database of another. */
  readonly databaseUrl?: string
  readonly dataDir?: string
  /** Environment variables beside those of the test. */
  readonly env?: Readonly<Record<string, string>>
}

/** A whole server in this process, on a free port and, unless told otherwise, a database of its own. */
export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  const {
    database = 'postgres',
    env = {},
    databaseUrl,
    dataDir,
    log = pino({ level: 'fatal' }),
    onStatement,
    ...resources
  } = options
  const embedded = database === 'embedded'
  const ownsFolder = dataDir === undefined
  const folder = dataDir ?? (await newDataDir(embedded ? inject('embeddedTemplate') : null))
  const settings = readSettings({
    PORT: '0',
    DATA_DIR: folder,
    ...(embedded ? {} : { DATABASE_URL: databaseUrl ?? (await newPostgresDatabase(inject('postgresUrl'))) }),
    ...env,
  })
  // What every instance asks once a second is nobody's statement.
  const told = onStatement && ((sql: string) => sql.includes('"revocation"') || onStatement(sql))
  const app = await createApp({ settings, log, ...resources, ...(told ? { onStatement: told } : {}) })
  const url = await app.listen()
  return {
    url,
    app,
    settings,
    token: (fleetId, roles, lifetime = 3600) =>
      developmentToken(settings, fleetId, typeof roles === 'string' ? [roles] : roles, lifetime),
    close: async () => {
      await app.close()
      if (ownsFolder) await rm(folder, { recursive: true, force: true })
    },
  }
}

/** For all tests of the file, or of the async describe, that awaits it: it is closed after them. */
export async function serverForAll(options: ServerOptions = {}): Promise<TestServer> {
  const server = await startServer(options)
  afterAll(server.close)
  return server
}

/** A second instance on the same database, trusting the same development key. */
export const startSecond = (first: TestServer, options: ServerOptions = {}): Promise<TestServer> =>
  startServer(beside(first, options))

/** The same for all tests, as serverForAll(). It is closed ahead of the first. */
export const secondForAll = (first: TestServer, options: ServerOptions = {}): Promise<TestServer> =>
  serverForAll(beside(first, options))

const beside = ({ settings: { databaseUrl, dataDir } }: TestServer, options: ServerOptions): ServerOptions => ({
  ...options,
  databaseUrl: databaseUrl ?? '',
  dataDir,
})
