import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PrismaPg } from '@prisma/adapter-pg'
import { PrismaClient } from '../../src/generated/prisma/client.ts'
import { developmentToken } from '../../src/server/auth/keys.ts'
import { readSettings } from '../../src/settings.ts'
import { sql } from '../support/databases.ts'
import { freePort } from '../support/ports.ts'
import { verifyDatabase } from '../support/verified.ts'
import type { Disruption, Instant, Side, Span } from './history.ts'
import { newInstance } from './instance.ts'
import type { Instance } from './instance.ts'
import { startProxy } from './proxy.ts'
import type { Proxy } from './proxy.ts'

export type Token = { readonly token: string; readonly expiresAt: Instant }

/** A fleet that was the partner of one sharing, of its vehicle, and the cursor of its first event. */
export type Witness = { readonly partnerId: string; readonly vehicleId: string; readonly cursor: string }

/** Two servers on one database, each behind a proxy; many histories run in it. */
export type Arena = {
  readonly instances: readonly [Instance, Instance]
  readonly proxies: readonly [Proxy, Proxy]
  /** The database itself: for the truth, and to disturb it. */
  readonly prisma: PrismaClient
  readonly urlOf: (side: Side) => string
  /** @param lifetime in milliseconds, exactly; an hour if absent */
  readonly token: (fleetId: string | null, role: string, lifetime?: number) => Promise<Token>
  /** What was done to it so far. */
  readonly disruptions: Disruption[]
  /** What was wrong with the servers themselves, whichever history ran. */
  readonly problems: string[]
  readonly lags: Span[]
  /** Fleets of waves before whose events are to be removed. */
  readonly witnesses: Witness[]
  /** What does not agree in the database as it is now, and was not told before. */
  readonly disagreements: () => Promise<string[]>
  readonly close: () => Promise<void>
}

const LAG_LOOK_MS = 20
const LAG_COUNTS_MS = 40

/** When this process was too busy to read: what came then was received late through no fault of the server. */
function watchLags(lags: Span[]): () => void {
  let last = Date.now()
  const timer = setInterval(() => {
    const now = Date.now()
    if (now - last > LAG_LOOK_MS + LAG_COUNTS_MS) lags.push({ from: last, to: now })
    last = now
  }, LAG_LOOK_MS)
  return () => clearInterval(timer)
}

let made = 0

/**
 * @param root the folder whose src/ the servers run from
 * @param postgresUrl a PostgreSQL server on this machine, without a database; the role may create one
 */
export async function startArena(root: string, postgresUrl: string): Promise<Arena> {
  const name = `histories_${process.pid}_${++made}`
  await sql(`${postgresUrl}/postgres`, `CREATE DATABASE ${name}`)
  const databaseUrl = `${postgresUrl}/${name}`
  const dataDir = await mkdtemp(join(tmpdir(), 'fleetshare-histories-'))
  const settings = readSettings({ DATA_DIR: dataDir, DATABASE_URL: databaseUrl })
  const problems: string[] = []
  const died = (what: string) => problems.push(what)
  const instances = [
    newInstance({ root, port: await freePort(), databaseUrl, dataDir, died }),
    newInstance({ root, port: await freePort(), databaseUrl, dataDir, died }),
  ] as const
  const lags: Span[] = []
  const told = new Set<string>()
  const unwatch = watchLags(lags)
  const prisma = new PrismaClient({
    adapter: new PrismaPg({ connectionString: databaseUrl, application_name: 'histories', max: 4 }),
  })
  const stopAll = async () => {
    unwatch()
    await Promise.all(instances.map(({ kill }) => kill()))
    await prisma.$disconnect()
    await sql(`${postgresUrl}/postgres`, `DROP DATABASE ${name} WITH (FORCE)`)
    await rm(dataDir, { recursive: true, force: true })
  }
  try {
    await Promise.all(instances.map(({ start }) => start()))
    const proxies = [await startProxy(instances[0].port), await startProxy(instances[1].port)] as const
    return {
      instances,
      proxies,
      prisma,
      urlOf: (side) => proxies[side].url,
      token: async (fleetId, role, lifetime = 3_600_000) => {
        // The issuer counts from the last full second.
        const now = Date.now()
        const token = await developmentToken(settings, fleetId, [role], ((now % 1000) + lifetime) / 1000)
        const { exp } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { exp: number }
        return { token, expiresAt: Math.floor(exp * 1000) }
      },
      disruptions: [],
      witnesses: [],
      problems,
      lags,
      disagreements: async () => {
        const lines = (await verifyDatabase(databaseUrl)).filter((line) => !told.has(line))
        lines.forEach((line) => told.add(line))
        return lines
      },
      close: async () => {
        await Promise.all(proxies.map(({ close }) => close()))
        await stopAll()
      },
    }
  } catch (error) {
    await stopAll()
    throw error
  }
}
