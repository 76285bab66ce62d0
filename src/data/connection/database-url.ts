/** One server of those that a URL names. null: what libpq's environment variables (PGHOST, PGPORT) or its defaults say. */
export type Host = { readonly host: string | null; readonly port: number | null }

export const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'] as const
export type SslMode = (typeof SSL_MODES)[number]

/** A PostgreSQL URL, read as libpq reads it. */
export type DatabaseUrl = {
  /** The hosts in the order in which they are tried; at least one. */
  readonly hosts: readonly Host[]
  readonly user: string | null
  readonly password: string | null
  readonly database: string | null
  /** Settings for the session, as `-c name=value`. */
  readonly options: string | null
  /** Where the tables are; null for the first schema of the role's search_path. */
  readonly schema: string | null
  readonly applicationName: string | null
  /** null: not said, which for pg means PGSSLMODE or no encryption. */
  readonly sslMode: SslMode | null
  /** Paths of PEM files. `rootCert` may be `system`. */
  readonly rootCert: string | null
  readonly cert: string | null
  readonly key: string | null
  readonly sslNegotiation: string | null
}

const SCHEME = /^postgres(?:ql)?:\/\//i
export const TAKES_URL = 'takes a URL that starts with postgresql:// or postgres://'
const ENCODE =
  'in a user name or password these have to be percent-encoded: %25 for %, %40 for @, %23 for #, %2F for /, %3F for ?, %3A for :'

/** The values of target_session_attrs that a server may have that is written to, and one that is not. */
const ATTRIBUTES = {
  primary: ['any', 'read-write', 'primary'],
  standby: ['any', 'read-only', 'standby', 'prefer-standby'],
} as const

export type Use = keyof typeof ATTRIBUTES

/**
 * Reads a PostgreSQL URL: libpq's syntax, several hosts included.
 * @returns a text, to be put behind the variable's name, if it is none; it shows nothing of the URL's secrets
 */
export function readDatabaseUrl(text: string, use: Use = 'primary'): DatabaseUrl | string {
  // Secrets that are read from a file often end with a line break.
  const trimmed = text.trim()
  const scheme = SCHEME.exec(trimmed)
  if (!scheme) return TAKES_URL
  const rest = trimmed.slice(scheme[0].length)
  if (rest.includes('#')) return `has a # in it, which no database URL has: ${ENCODE}`
  const [, authority = '', path = '', query = ''] = /^([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s.exec(rest) ?? []
  const at = authority.lastIndexOf('@')
  // The @ ahead of the host is found too late: the password has a / or ? in it.
  if (path.includes('@') || /^[^=&]*@/.test(query)) return `has an @ behind a / or ?: ${ENCODE}`
  try {
    return fromParts(authority.slice(0, Math.max(at, 0)), authority.slice(at + 1), path, parametersOf(query), use)
  } catch (error) {
    if (error instanceof Problem) return error.message
    throw error
  }
}

class Problem extends Error {}

function fromParts(
  userinfo: string,
  hostList: string,
  path: string,
  parameters: ReadonlyMap<string, string>,
  use: Use,
): DatabaseUrl {
  const [, user = '', password] = /^([^:]*)(?::(.*))?$/s.exec(userinfo) ?? []
  const parameter = (name: string) => parameters.get(name) || null
  const attributes = parameter('target_session_attrs')
  if (attributes !== null && !ATTRIBUTES[use].some((known) => known === attributes)) {
    const reason = use === 'primary' ? 'it is written to: read-write' : 'it is only read from: standby'
    throw new Problem(`has target_session_attrs=${shortened(attributes)}, but ${reason} is what it needs`)
  }
  return {
    hosts: hostsOf(hostList, parameter('host'), parameter('port')),
    user: parameter('user') ?? (decoded(user) || null),
    password: parameter('password') ?? (password === undefined ? null : decoded(password) || null),
    database: parameter('dbname') ?? (decoded(path) || null),
    options: parameter('options'),
    schema: parameter('schema'),
    applicationName: parameter('application_name'),
    sslMode: sslModeOf(parameter('sslmode'), parameter('ssl'), parameter('sslnegotiation')),
    rootCert: parameter('sslrootcert'),
    cert: parameter('sslcert'),
    key: parameter('sslkey'),
    sslNegotiation: parameter('sslnegotiation'),
  }
}

/** h1:5432,h2 as well as ?host=h1,h2&port=5432,5433; a host may be a folder of Unix sockets. */
function hostsOf(list: string, hosts: string | null, ports: string | null): Host[] {
  const given = (ports ?? '').split(',')
  const named = hosts === null ? list.split(',').map(hostAndPort) : hosts.split(',').map((host) => ({ host, port: '' }))
  if (given.length > 1 && given.length !== named.length) {
    throw new Problem(`names ${named.length} hosts and ${given.length} ports: one port for each host, or one for all`)
  }
  return named.map(({ host, port }, index) => ({
    host: host || null,
    port: portOf(port || (given[given.length > 1 ? index : 0] ?? '')),
  }))
}

function hostAndPort(text: string): { host: string; port: string } {
  const [, bracketed, plain = '', port = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::(.*))?$/s.exec(text) ?? []
  return { host: bracketed ?? decoded(plain), port }
}

function portOf(text: string): number | null {
  if (text === '') return null
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (port < 1 || port > 65_535)
    throw new Problem(`has a port that is no number from 1 to 65535; if it is part of the password: ${ENCODE}`)
  return port
}

function sslModeOf(mode: string | null, ssl: string | null, negotiation: string | null): SslMode | null {
  if (negotiation !== null && negotiation !== 'postgres' && negotiation !== 'direct') {
    throw new Problem('takes sslnegotiation=postgres or direct')
  }
  if (mode !== null) {
    const known = SSL_MODES.find((name) => name === mode)
    if (!known) throw new Problem(`has sslmode=${shortened(mode)}: it takes ${SSL_MODES.join(', ')}`)
    return known
  }
  if (ssl === 'no-verify') return ssl
  // pg reads these values in this way.
  if (ssl === 'true' || ssl === '1') return 'verify-full'
  if (ssl === 'false' || ssl === '0') return 'disable'
  return negotiation === 'direct' ? 'verify-full' : null
}

function parametersOf(query: string): ReadonlyMap<string, string> {
  const pairs = query.split('&').filter((pair) => pair !== '')
  return new Map(
    pairs.map((pair) => {
      const [, name = '', value = ''] = /^([^=]*)=?(.*)$/s.exec(pair) ?? []
      return [decoded(name), decoded(value)]
    }),
  )
}

/** A % that begins no encoding stands for itself, as pg has it. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll(/%(?![\da-f]{2})/gi, '%25'))
  } catch {
    throw new Problem(`has percent-encoded bytes that are no UTF-8: ${ENCODE}`)
  }
}

const shortened = (text: string): string => text.slice(0, 40).replaceAll(/\s+/g, ' ')

/** Where that is, for people: host:port. */
export const placeOf = ({ host, port }: Host): string =>
  host?.startsWith('/') ? host : `${host?.includes(':') ? `[${host}]` : (host ?? 'localhost')}:${port ?? 5432}`
