import pg from 'pg'
import { placeOf } from './database-url.ts'
import type { DatabaseUrl, Host } from './database-url.ts'
import { prepareSession, ReadOnlyError, startupOptions, VERSIONS } from './session.ts'
import { encryptionsOf } from './tls.ts'
import type { Encryption } from './tls.ts'
import { sqlFailureOf } from '../database/unavailable.ts'

/** One way to connect: a host, encrypted in one of the ways that the URL allows. */
type Endpoint = { readonly host: Host; readonly ssl: Encryption }

/** The servers that a URL names, of which one is used: the one that can be written to, unless they are standbys. */
export type Endpoints = {
  /** Settings of a client for the endpoint that was found last, as of this call. */
  readonly config: () => pg.ClientConfig
  /**
   * Connects, under an application name, to the first endpoint that will do, beginning with the one that was found last.
   * @throws what the one endpoint failed with; of several an AggregateError of EndpointErrors
   */
  readonly connect: (name: string) => Promise<pg.Client>
  /** The first statement of a session: sets the rest, and makes sure that it will do. @throws for one that will not */
  readonly prepare: (client: pg.ClientBase) => Promise<void>
  /** Where the tables are, for the connections that are made from now on. */
  readonly pin: (schema: string) => void
  /** Looks for the endpoint again, in the background: the one that was found last has failed. Once at a time. */
  readonly search: () => void
}

/** Why one of several hosts would not do. */
export class EndpointError extends Error {
  readonly place: string

  constructor(host: Host, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
    this.place = placeOf(host)
  }
}

/** Whether a server was reached that can only be read from. */
export const isReadOnly = (error: unknown): boolean =>
  error instanceof ReadOnlyError ||
  (error instanceof Error && isReadOnly(error.cause)) ||
  (error instanceof AggregateError && error.errors.some(isReadOnly))

const UNKNOWN_SETTING = '42704'
const CONNECT_MS = 5_000
const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelayMillis: 10_000 }

export type EndpointOptions = {
  /** The setting that the URL stands in. */
  readonly variable: string
  /** Whether sessions are this server's own; those of a pooler are not set. */
  readonly isOwn: boolean
  /** Whether the servers are standbys, which are only read from. */
  readonly isStandby?: boolean
  /** Where the tables are; null for wherever the role's search_path leads. */
  readonly schema: string | null
}

/** @throws DatabaseStartError */
export async function endpointsOf(
  url: DatabaseUrl,
  { variable, isOwn, isStandby = false, schema }: EndpointOptions,
): Promise<Endpoints> {
  const encryptions = await encryptionsOf(url, variable)
  const endpoints = url.hosts.flatMap((host) => encryptions.map((ssl): Endpoint => ({ host, ssl })))
  const { user, password, database, sslNegotiation, options, applicationName } = url
  const named = { user, password, database, sslnegotiation: sslNegotiation, application_name: applicationName }
  const given = Object.fromEntries(Object.entries(named).filter(([, value]) => value !== null))
  let pinned = schema
  const configOf = ({ host: { host, port }, ssl }: Endpoint): pg.ClientConfig => ({
    ...given,
    ...(isOwn ? { options: startupOptions(options, pinned, age, isStandby) } : options === null ? {} : { options }),
    ...KEEP_ALIVE,
    ...(host === null ? {} : { host }),
    ...(port === null ? {} : { port }),
    ...(ssl === undefined ? {} : { ssl }),
  })
  const prepare = async (client: pg.ClientBase) => {
    if (!isStandby) await prepareSession(client, isOwn)
  }
  let found = 0
  let searching = false
  let age = 0

  async function connectTo(endpoint: Endpoint, name: string): Promise<pg.Client> {
    const client = new pg.Client({
      ...configOf(endpoint),
      connectionTimeoutMillis: CONNECT_MS,
      application_name: applicationName === null ? name : `${applicationName}-${name}`,
    })
    // Unheard, the event of a connection that breaks would end the process; statements fail by themselves.
    client.on('error', () => {})
    try {
      await client.connect()
      await prepare(client)
      return client
    } catch (error) {
      void client.end().catch(() => {})
      if (age + 1 >= VERSIONS || sqlFailureOf(error)?.code !== UNKNOWN_SETTING) throw error
      age++
      return connectTo(endpoint, name)
    }
  }

  async function connect(name: string): Promise<pg.Client> {
    const failures: EndpointError[] = []
    for (let turn = 0; turn < endpoints.length; turn++) {
      const index = (found + turn) % endpoints.length
      const endpoint = endpoints[index]
      if (!endpoint) break
      try {
        const client = await connectTo(endpoint, name)
        found = index
        return client
      } catch (error) {
        failures.push(new EndpointError(endpoint.host, error))
      }
    }
    const [first] = failures
    if (first && failures.length === 1) throw first.cause
    throw new AggregateError(failures, failures.map(({ place, message }) => `${place}: ${message}`).join('; '))
  }

  return {
    config: () => configOf(endpoints[found] ?? { host: { host: null, port: null }, ssl: undefined }),
    connect,
    prepare,
    pin: (known) => void (pinned = known),
    search() {
      if (searching || endpoints.length < 2) return
      searching = true
      connect('fleetshare-search')
        .then((client) => client.end())
        .catch(() => {})
        .finally(() => (searching = false))
    },
  }
}
