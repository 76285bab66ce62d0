import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { openDatabase } from './data/client.ts'
import type { Database } from './data/client.ts'
import { fleetRegister } from './data/fleets.ts'
import { watchRevocations } from './data/revocations.ts'
import { startAnnouncer } from './events/announcer.ts'
import { startHousekeeper } from './events/housekeeper.ts'
import { startTail } from './events/tail.ts'
import { createAdmission } from './server/admission.ts'
import { createAuthenticate } from './server/auth.ts'
import { count, countingPlugin, createCounts } from './server/counts.ts'
import { createEngine } from './server/engine.ts'
import { createFastPath } from './server/fast.ts'
import { createHttpServer } from './server/http.ts'
import type { Patience } from './server/http.ts'
import { developmentKeys, providerKeys } from './server/keys.ts'
import { createPages } from './server/pages.ts'
import { createPlayground } from './server/playground.ts'
import { createShow } from './server/show.ts'
import { createSlots } from './server/slots.ts'
import { endStalled } from './server/stalls.ts'
import { readTrustedDocuments } from './server/trusted.ts'
import { acceptWebSockets } from './server/websocket.ts'
import { tellSparingly } from './log.ts'
import { urlOf } from './settings.ts'
import type { Settings } from './settings.ts'

/** How long running requests may take once the server is told to stop; all of it fits into 10 s. Milliseconds. */
const DRAIN_MS = 8_000

export type Resources = {
  readonly settings: Settings
  readonly log: Logger
  /** For tests: leave scheduled starts and due ends unannounced. */
  readonly announce?: boolean
  /** For tests: how long a reader may stall, in milliseconds. */
  readonly stallMs?: number
  /** For tests: how long a client may take for a request. */
  readonly patience?: Patience
  /** For tests: is told of every SQL statement. */
  readonly onStatement?: (sql: string) => void
}

export type App = {
  readonly db: Database
  /** @returns where it listens: http://host:port */
  readonly listen: () => Promise<string>
  /** Drains and releases everything. May be called more than once. */
  readonly close: () => Promise<void>
}

/** The whole server, its database open and migrated, not yet listening. */
export async function createApp(resources: Resources): Promise<App> {
  const { settings, log, announce = true, stallMs, patience, onStatement } = resources
  const closers: (() => Promise<void> | void)[] = []
  const close = () => closeAll(closers)
  const { production, trustedDocuments } = settings
  try {
    const trusted = trustedDocuments === null ? null : await readTrustedDocuments(trustedDocuments)
    // Loaded where it is wanted, and stopped last.
    const tracer = settings.tracing && (await import('./server/tracing.ts'))
    const tracing = tracer && settings.tracing && tracer.startTracing(settings.tracing, log)
    if (tracing) closers.push(tracing.stop)
    const around = tracing ? { around: tracing.statement } : {}
    const db = await openDatabase({ ...settings, ...around, ...(onStatement ? { onStatement } : {}) })
    closers.push(db.close)
    const tail = startTail(db, tellSparingly(log, 'following the log'))
    closers.push(tail.stop)
    db.follower = tail
    if (announce) {
      const announcer = startAnnouncer(db, tellSparingly(log, 'announcing what falls due'))
      const housekeeper = startHousekeeper(db, settings.retentionMs, tellSparingly(log, 'removing what is old'))
      closers.push(announcer.stop, housekeeper.stop)
    }

    const keys = await (settings.provider ? providerKeys(settings.provider, settings) : developmentKeys(settings))
    closers.push(keys.stop)
    let cutRevoked = () => {}
    const revocations = await watchRevocations(db, () => cutRevoked(), tellSparingly(log, 'looking for revoked tokens'))
    closers.push(revocations.stop)
    const authenticate = createAuthenticate(keys.rules, { fleetExists: fleetRegister(db), isRevoked: revocations.has })
    const counts = createCounts()
    const services = { db, tail, onRefusal: (code: string) => count(counts.refusals, code) }
    const watching = [countingPlugin(counts), ...(tracing ? [tracer.tracingPlugin(tracing)] : [])]
    const admission = createAdmission(settings)
    const show = createShow(log, production)
    const engine = createEngine({ services, admission, trusted, production, show, log, watching })

    let isDraining = false
    const draining = () => isDraining
    // Who asks has no token: however many do, the database is asked once at a time.
    const answers = shared(() =>
      db.ping().then(
        () => true,
        () => false,
      ),
    )
    const ready = async () => !isDraining && (await answers()) && !isDraining
    const playground = production ? null : createPlayground(settings)
    const pages = createPages(settings)
    const { allowedOrigins } = settings
    const takeSlot = createSlots(settings.socketsPerToken)
    const edge = { engine, authenticate, takeSlot, allowedOrigins, draining, counts, log }
    const fastPath = createFastPath({ engine, services, admission, trusted, show, counts, tracing })
    const { isFull, pace } = admission
    const http = createHttpServer({ ...edge, fastPath, isFull, pace, ready, playground, pages, patience })
    const { server } = http
    const stalls = endStalled(server, stallMs)
    closers.push(stalls.stop)
    const sockets = acceptWebSockets(server, { ...edge, trusted, show, stalls })
    cutRevoked = () => {
      sockets.closeRevoked(revocations.has)
      http.cutRevoked(revocations.has)
    }

    closers.push(async () => {
      isDraining = true
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      sockets.close()
      http.cutStreams()
      // A connection that is kept alive turns idle when its request is answered; a stream may be only now beginning.
      const idle = setInterval(() => {
        http.cutStreams()
        server.closeIdleConnections()
      }, 50)
      await Promise.race([closed, sleep(DRAIN_MS, undefined, { ref: false })])
      clearInterval(idle)
      server.closeAllConnections()
    })

    return {
      db,
      listen: async () => {
        if (settings.metricsPort !== null) {
          const { serveMetrics } = await import('./server/metrics.ts')
          const connections = { sockets: sockets.open, streams: http.openStreams }
          const sources = { counts, db, tail, connections }
          // First in the list, last to close: what a server does while it drains is worth seeing.
          closers.unshift(await serveMetrics({ host: settings.host, port: settings.metricsPort }, sources))
        }
        server.listen(settings.port, settings.host)
        await once(server, 'listening')
        const { port } = server.address() as AddressInfo
        return urlOf({ ...settings, port })
      },
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** One question at a time: whoever asks while one is under way is told the same. */
function shared<T>(ask: () => Promise<T>): () => Promise<T> {
  let asked: Promise<T> | null = null
  return () => (asked ??= ask().finally(() => (asked = null)))
}

/** In reverse, every one tried; what failed is thrown together at the end. */
async function closeAll(closers: (() => Promise<void> | void)[]): Promise<void> {
  const failed: unknown[] = []
  for (let closer = closers.pop(); closer !== undefined; closer = closers.pop()) {
    try {
      await closer()
    } catch (error) {
      failed.push(error)
    }
  }
  if (failed.length > 0) throw new AggregateError(failed, 'closing failed')
}
