import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import { coalesced } from './async/coalesced.ts'
import { openDatabase } from './data/connection/open.ts'
import { createClient } from './data/client.ts'
import type { Client } from './data/client.ts'
import type { MigrationLog } from './data/migrations/target.ts'
import { createServices } from './data/create-services.ts'
import type { Services, Timeline } from './data/services.ts'
import { watchRevocations } from './background/revocations.ts'
import { startAnnouncer } from './background/announcer.ts'
import { startHousekeeper } from './background/housekeeper.ts'
import { startPartitioner } from './background/partitioner.ts'
import { startTail } from './live/tail.ts'
import { createAdmission } from './server/limits/admission.ts'
import { createAuthenticate } from './server/auth/authenticate.ts'
import { count, countingPlugin, createCounts } from './server/telemetry/counts.ts'
import { createEngine } from './server/engine/engine.ts'
import { createFastPath } from './server/http/fast-path.ts'
import { createHttpServer } from './server/http/http-server.ts'
import { endConnections, stopListening } from './server/http/drain.ts'
import { createEventStreams } from './server/http/event-stream.ts'
import { connectStandby } from './data/standby/connect.ts'
import type { ClientTimeouts } from './server/http/http-server.ts'
import { developmentKeys, providerKeys } from './server/auth/keys.ts'
import { createPages } from './server/pages/pages.ts'
import { createPlayground } from './server/pages/playground.ts'
import { createPresentErrors } from './server/engine/present-errors.ts'
import { createConnectionLimit } from './server/limits/connection-limit.ts'
import { endStalledConnections } from './server/limits/stalled-connections.ts'
import { readTrustedDocuments } from './server/engine/trusted-documents.ts'
import { acceptWebSockets, FOREIGN_ORIGIN } from './server/websocket/websocket-server.ts'
import type { ForeignPage } from './server/websocket/websocket-server.ts'
import { logSparingly, sparingly } from './log.ts'
import { urlOf } from './settings.ts'
import type { Settings } from './settings.ts'

/** How long running requests may take once the server is stopping; the whole stop fits into 10 s. Milliseconds. */
const DRAIN_MS = 8_000
/** The same for queries and mutations on a WebSocket: what is left is for its close. Milliseconds. */
const ANSWER_MS = 7_000

export type Resources = {
  readonly settings: Settings
  readonly log: Logger
  /** For tests: leave scheduled starts and due ends unannounced. */
  readonly announce?: boolean
  /** For tests: how long a reader may stall, in milliseconds. */
  readonly stallMs?: number
  /** For tests: how long a client may take for a request. */
  readonly clientTimeouts?: ClientTimeouts
  /** For tests: how often a stream of server-sent events shows that it lives, in milliseconds. */
  readonly pingMs?: number
  /** For tests: called with every SQL statement. */
  readonly onStatement?: (sql: string) => void
}

export type App = {
  readonly prisma: Client
  /** The services behind the client: for tests. */
  readonly services: Services
  /** @returns where it listens: http://host:port */
  readonly listen: () => Promise<string>
  /** From now on /ready answers 503 and each response closes its connection; everything else is served as before. */
  readonly announceStop: () => void
  /** Drains and releases everything. May be called more than once. */
  readonly close: () => Promise<void>
}

/** The whole server, its database open and migrated, not yet listening. */
export async function createApp(resources: Resources): Promise<App> {
  const { settings, log, announce = true, stallMs, clientTimeouts, pingMs, onStatement } = resources
  const closers: (() => Promise<void> | void)[] = []
  const close = () => closeAll(closers)
  const { production, trustedDocuments } = settings
  try {
    const trusted = trustedDocuments === null ? null : await readTrustedDocuments(trustedDocuments)
    // Loaded where it is wanted, and stopped last.
    const tracer = settings.tracing && (await import('./server/telemetry/tracing.ts'))
    const tracing = tracer && settings.tracing ? tracer.startTracing(settings.tracing, log) : null
    if (tracing) closers.push(tracing.stop)
    const around = tracing ? { around: tracing.statement } : {}
    const onMigration: MigrationLog = (level, line) => log[level](line)
    const watched = { ...around, ...(onStatement ? { onStatement } : {}) }
    const connection = await openDatabase({ ...settings, ...watched, onMigration })
    closers.push(connection.close)
    const onContradiction = logSparingly(log, 'deciding on a vehicle', 'nothing is recorded of it until it is repaired')
    const onSetBack = ({ number, keptTo }: Timeline) =>
      log.warn(
        { timeline: number, keptTo },
        'the log of events was set back, or the database is another than before: clients whose cursor was lost begin anew',
      )
    const { databaseReplicaUrl, poolSize: size } = settings
    const replica = databaseReplicaUrl && {
      connection: await connectStandby({ url: databaseReplicaUrl, schema: connection.schema, size, ...around }),
      onFailure: logSparingly(log, 'reading from the standby', 'the primary serves its part'),
    }
    if (replica) closers.push(replica.connection.close)
    const services = await createServices(connection, onContradiction, onSetBack, replica || null)
    closers.push(services.stop)
    const prisma = createClient(services)
    const before = await prisma.setting.setIdleMaxSilence(settings.idleMaxSilenceMinutes)
    if (before !== null) {
      const minutes = settings.idleMaxSilenceMinutes
      log.warn({ before, minutes }, 'IDLE_MAX_SILENCE_MINUTES is another than before, from now on for all instances')
    }
    const tail = startTail(prisma, logSparingly(log, 'following the log'))
    closers.push(tail.stop)
    prisma.event.follow(tail)
    if (announce) {
      const announcer = startAnnouncer(prisma, logSparingly(log, 'announcing what falls due'))
      const housekeeper = startHousekeeper(prisma, settings, logSparingly(log, 'removing what is old'))
      const partitioner = startPartitioner(prisma, settings, logSparingly(log, 'adding partitions to the log'))
      closers.push(announcer.stop, housekeeper.stop, partitioner.stop)
    }

    const { provider } = settings
    const fetching = `fetching the identity provider's keys from ${provider?.jwksUrl.host}`
    const onKeysFailure = logSparingly(log, fetching, 'tokens are trusted as far as their keys are known')
    const keys = await (provider ? providerKeys(provider, settings, onKeysFailure) : developmentKeys(settings))
    closers.push(keys.stop)
    let cutRevoked = () => {}
    const revocations = await watchRevocations(
      prisma,
      () => cutRevoked(),
      logSparingly(log, 'looking for revoked tokens'),
    )
    closers.push(revocations.stop)
    const authenticate = createAuthenticate(keys.rules, {
      fleetExists: prisma.fleet.exists,
      isRevoked: revocations.has,
      onNoRole: (lookup) => log.debug(lookup, 'a token that is trusted has no known role'),
    })
    const counts = createCounts()
    const shared = { prisma, tail, onRefusal: (code: string) => count(counts.refusals, code) }
    const observers = [countingPlugin(counts), ...(tracer && tracing ? [tracer.tracingPlugin(tracing)] : [])]
    const admission = createAdmission(settings)
    const presentErrors = createPresentErrors(log, production)
    const operating = { services: shared, admission, trusted, presentErrors, counts, tracing }
    const engine = createEngine({ ...operating, production, log, observers })

    let isLeaving = false
    let isDraining = false
    const draining = () => isDraining
    // Requests for /ready need no token: however many there are, the database is pinged once at a time.
    const answers = coalesced(() =>
      prisma.$ping().then(
        () => true,
        () => false,
      ),
    )
    const ready = async () => !isLeaving && (await answers()) && !isLeaving
    const playground = production ? null : createPlayground(settings)
    const pages = createPages(settings)
    const origins = { listed: settings.allowedOrigins, loopback: !production }
    const takeConnection = createConnectionLimit(settings.socketsPerToken)
    const edge = { engine, authenticate, takeConnection, origins, openSchema: !production, draining, counts, log }
    const fastPath = createFastPath({ ...operating, engine })
    const answerSubscription = createEventStreams({ engine, admission, trusted, counts, pingMs })
    const { isFull, delayRefusal } = admission
    const ways = { fastPath, answerSubscription, isFull, delayRefusal }
    const http = createHttpServer({
      ...edge,
      ...ways,
      ready,
      playground,
      pages,
      clientTimeouts,
      leaving: () => isLeaving,
    })
    const { server } = http
    const stalls = endStalledConnections(server, stallMs)
    closers.push(stalls.stop)
    const onForeignOrigin = sparingly((page: ForeignPage, times) => log.warn({ ...page, times }, FOREIGN_ORIGIN))
    const sockets = acceptWebSockets(server, { ...edge, trusted, presentErrors, stalls, onForeignOrigin })
    cutRevoked = () => {
      sockets.closeRevoked(revocations.has)
      http.cutRevoked(revocations.has)
    }

    closers.push(async () => {
      const isAnnounced = isLeaving
      isLeaving = true
      const closed = server.listening ? once(server, 'close') : null
      if (closed && isAnnounced) await stopListening(server)
      isDraining = true
      sockets.close(ANSWER_MS)
      if (closed) await endConnections(server, closed, http.cutStreams, DRAIN_MS)
    })

    return {
      prisma,
      services,
      announceStop: () => {
        isLeaving = true
      },
      listen: async () => {
        if (settings.metricsPort !== null) {
          const { serveMetrics } = await import('./server/telemetry/metrics.ts')
          const connections = { sockets: sockets.open, streams: http.openStreams }
          const { counters, contradictions, unsettled } = services
          const { pool } = connection
          const { timeline } = services.log
          const historyReads = services.standby?.reads ?? {}
          const own = { counters, contradictions, unsettled, historyReads, timeline }
          const sources = { ...own, counts, pool, tail, connections }
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

/** Closes in reverse order, every one whether or not another fails; then throws all failures together. */
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
