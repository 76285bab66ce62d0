import { once } from 'node:events'
import { createServer } from 'node:http'
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import { BOUNDS, KINDS, TRANSPORTS } from './counts.ts'
import type { Counts, Tally } from './counts.ts'
import { VERSION } from '../../version.ts'

/** The sources of the figures, which are read at each scrape. The database is not asked. */
export type Sources = {
  readonly counts: Counts
  /** The events and commands that this instance has committed. */
  readonly counters: {
    readonly events: Readonly<Record<string, number>>
    readonly commands: Readonly<Record<string, number>>
  }
  readonly contradictions: { readonly met: number }
  readonly unsettled: { readonly met: number }
  /** The connections to PostgreSQL; null for the embedded database. */
  readonly pool: Readonly<Record<'totalCount' | 'idleCount' | 'waitingCount', number>> | null
  readonly tail: {
    readonly progress: () => Readonly<Record<'followers' | 'lag' | 'unsettled' | 'age', number>>
  }
  /** Reads of the log that a standby might serve, by the server that did; none without a standby. */
  readonly historyReads: Readonly<Record<string, number>>
  /** How often the log was found set back to an earlier point. */
  readonly timeline: () => number
  readonly connections: { readonly sockets: () => number; readonly streams: () => number }
}

/** Serves Prometheus on a port of its own, which is not for the public. @returns a function that stops it */
export async function serveMetrics(
  { host, port }: { readonly host: string; readonly port: number },
  sources: Sources,
): Promise<() => Promise<void>> {
  const registry = createRegistry(sources)
  const server = createServer((request, response) => {
    // Prometheus may be told to add parameters.
    if (request.url?.split('?')[0] !== '/metrics') response.writeHead(404).end()
    else
      registry.metrics().then(
        (text) => response.writeHead(200, { 'Content-Type': registry.contentType }).end(text),
        () => response.writeHead(500).end(),
      )
  })
  server.listen(port, host)
  await once(server, 'listening')
  return async () => {
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }
}

type Labels = Readonly<Record<string, string>>
type Row = readonly [labels: Labels, value: number]

function createRegistry(sources: Sources): Registry {
  const { counts, counters, contradictions, unsettled, historyReads, pool, tail, timeline, connections } = sources
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })

  const counter = (name: string, help: string, labelNames: readonly string[], rows: () => readonly Row[]) =>
    new Counter({
      name,
      help,
      labelNames: [...labelNames],
      registers,
      collect() {
        this.reset()
        for (const [labels, value] of rows()) this.inc(labels, value)
      },
    })
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value())
      },
    })
  const byKey = (label: string, entries: () => Iterable<readonly [string, number]>) => () =>
    Array.from(entries(), ([key, value]): Row => [{ [label]: key }, value])

  const build = { name: 'fleetshare_build_info', help: 'Always 1; the labels say which build runs', registers }
  new Gauge({ ...build, labelNames: ['version', 'node'] }).set({ version: VERSION, node: process.version }, 1)
  counter('fleetshare_operations_total', 'Operations that were executed', ['transport', 'type', 'outcome'], () =>
    tallies(counts).flatMap(([labels, { ok, failed }]): Row[] => [
      [{ ...labels, outcome: 'ok' }, ok],
      [{ ...labels, outcome: 'failed' }, failed],
    ]),
  )
  addDurations(registry, counts)
  const { errors, refusals, delivered } = counts
  counter(
    'fleetshare_errors_total',
    'Top-level errors, by code',
    ['code'],
    byKey('code', () => errors),
  )
  counter(
    'fleetshare_refusals_total',
    'Expected failures of mutations, by code',
    ['code'],
    byKey('code', () => refusals),
  )
  counter('fleetshare_delivered_total', 'Events and commands delivered', ['transport'], () => [
    [{ transport: 'sse' }, delivered.sse],
    [{ transport: 'websocket' }, delivered.websocket],
  ])
  counter(
    'fleetshare_events_total',
    'Events committed by this instance',
    ['type'],
    byKey('type', () => Object.entries(counters.events)),
  )
  counter(
    'fleetshare_commands_total',
    'Commands that this instance brought to a status',
    ['status'],
    byKey('status', () => Object.entries(counters.commands)),
  )
  counter('fleetshare_contradictions_total', 'Vehicles met whose records contradict each other', [], () => [
    [{}, contradictions.met],
  ])
  counter('fleetshare_unsettled_total', 'Attempts at recording what fell due for a vehicle that failed', [], () => [
    [{}, unsettled.met],
  ])

  counter(
    'fleetshare_history_reads_total',
    'Reads of old events that a standby might serve, by the server that did',
    ['server'],
    byKey('server', () => Object.entries(historyReads)),
  )

  const { sockets, streams } = connections
  gauge('fleetshare_websockets_open', 'WebSockets that are open', sockets)
  gauge('fleetshare_streams_open', 'Streams of server-sent events that are open', streams)
  gauge('fleetshare_subscriptions_open', 'Subscriptions that are followed', () => tail.progress().followers)
  gauge('fleetshare_log_behind', 'Positions that are settled and not read yet', () => tail.progress().lag)
  gauge('fleetshare_log_unsettled', 'Positions that were drawn and are not settled', () => tail.progress().unsettled)
  gauge(
    'fleetshare_log_age_seconds',
    "Since the log's end was last reached; 0 while nobody follows",
    () => tail.progress().age / 1_000,
  )
  gauge('fleetshare_log_timeline', 'Times that the log was found set back, by any instance', timeline)
  if (pool) {
    gauge('fleetshare_pool_in_use', 'Connections to the database in use', () => pool.totalCount - pool.idleCount)
    gauge('fleetshare_pool_idle', 'Connections to the database that are idle', () => pool.idleCount)
    gauge('fleetshare_pool_waiting', 'Statements that wait for a connection to the database', () => pool.waitingCount)
  }
  return registry
}

const tallies = ({ operations }: Counts): [Labels, Tally][] =>
  TRANSPORTS.flatMap((transport) =>
    KINDS.map((type): [Labels, Tally] => [{ transport, type }, operations[transport][type]]),
  )

/** Made of the tallies: a Histogram of the library's own would have to observe each operation. */
function addDurations(registry: Registry, counts: Counts): void {
  const name = 'fleetshare_operation_duration_seconds'
  const help = 'Execution, of a subscription until it is open'
  const valuesOf = ([labels, { within, totalMs }]: readonly [Labels, Tally]) => {
    let sum = 0
    const buckets = within.map((inside, nth) => ({
      metricName: `${name}_bucket`,
      labels: { ...labels, le: nth < BOUNDS.length ? (BOUNDS[nth] ?? 0) / 1_000 : '+Inf' },
      value: (sum += inside),
    }))
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels, value: totalMs / 1_000 },
      { metricName: `${name}_count`, labels, value: sum },
    ]
  }
  const histogram = new Histogram({ name, help, labelNames: ['transport', 'type'], registers: [registry] })
  Object.assign(histogram, {
    getForPromString: () =>
      Promise.resolve({ name, help, type: 'histogram', values: tallies(counts).flatMap(valuesOf) }),
  })
}
