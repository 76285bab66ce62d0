/**
 * Codes of Node that say that there is no way to the database, or none any more: of system calls, of names, of TLS, and
 * ENOSPC of the embedded one. Of files only those that a socket or a full table of files gives.
 */
const SYSTEM_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ENETRESET',
  'EADDRNOTAVAIL',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EAI_FAIL',
  'EAI_NODATA',
  'EMFILE',
  'ENFILE',
  'ENOBUFS',
  'ENOMEM',
  'ENOSPC',
  'EDQUOT',
  'EIO',
  'EROFS',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REVOKED',
  'CERT_SIGNATURE_FAILURE',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
])

/**
 * SQLSTATE, by class or by code. 08: no connection. 28, 3D000: logins are refused. 42501: a right was taken away. 53: no room,
 * memory or connection is left. 57P01 to 57P05: it stops, starts, or has ended the session. 58: its disk or system fails.
 * 25006: it may only be read. 25P03, 25P04: a transaction stalled. 55P03: a lock took too long. Not 57014: a statement that
 * takes too long is a defect, or was cancelled by an operator.
 */
const SQL_STATES = /^(08...|28...|3D000|42501|53...|57P0[1-5]|58...|25006|25P0[34]|55P03)$/

/** Severities that end the session, with any code: such as 55000, of a database that takes no connections. */
const FATAL = new Set<unknown>(['FATAL', 'PANIC'])

/** The kinds that Prisma's adapter makes of some of these codes before the code is lost. */
const ADAPTER_KINDS = new Set<unknown>([
  'AuthenticationFailed',
  'ConnectionClosed',
  'DatabaseAccessDenied',
  'DatabaseDoesNotExist',
  'DatabaseNotReachable',
  'SocketTimeout',
  'TlsConnectionError',
  'TooManyConnections',
])

/** Prisma's own codes: of authentication, reachability, rights, TLS, and connections that are closed or too many. */
const PRISMA_CODES = /^P(1000|1001|1002|1003|1008|1010|1011|1017|2024|2037)$/

/** Messages without a code, of pg, its pool, the embedded database and Prisma's transactions. */
const MESSAGES = [
  'timeout exceeded when trying to connect',
  'timeout expired',
  'Connection terminated',
  'Query read timeout',
  'is not queryable',
  'Cannot use a pool after calling end on the pool',
  'The server does not support SSL connections',
  'There was an error establishing an SSL connection',
  'the connection to the database has gone silent',
  'SASL: ',
  'Unable to start a transaction in the given time',
  'PGlite is closed',
]

/** Something of this server itself that is no use at present, and will be soon. */
export class UnavailableError extends Error {}

/** How deep causes are followed. */
const DEPTH = 6

/** An error, or what an adapter puts into one as its cause. */
type Failure = {
  readonly code?: unknown
  readonly originalCode?: unknown
  readonly originalMessage?: unknown
  readonly severity?: unknown
  readonly syscall?: unknown
  readonly kind?: unknown
  readonly message?: unknown
  readonly cause?: unknown
  readonly errors?: unknown
  readonly meta?: { readonly driverAdapterError?: unknown }
}

/**
 * Whether something failed because the database is away, full, read-only, stopping or out of reach: nothing is wrong with
 * what was asked, and it may be asked again. The one place that decides this, for every operation and transport.
 */
export const isUnavailable = (error: unknown): boolean =>
  failuresIn(error, 0).some((failure) => failure instanceof UnavailableError || saysSo(failure))

/** SQLSTATE and message of what PostgreSQL refused, however deep they lie; null if it was not PostgreSQL that did. */
export function sqlFailureOf(error: unknown): { readonly code: string; readonly message: string } | null {
  for (const { code, originalCode, message, originalMessage } of failuresIn(error, 0)) {
    const sqlState = [originalCode, code].find(isSqlState)
    if (sqlState !== undefined) return { code: sqlState, message: String(originalMessage ?? message) }
  }
  return null
}

const LOCK_TIMEOUT = '55P03'

/** Whether a statement was ended because it waited too long for somebody else's lock. */
export const isLockTimeout = (error: unknown): boolean => sqlFailureOf(error)?.code === LOCK_TIMEOUT

/** Whether PostgreSQL has ended the session with the error. */
export const isFatal = ({ severity }: { readonly severity?: unknown }): boolean => FATAL.has(severity)

const isSqlState = (code: unknown): code is string =>
  typeof code === 'string' && /^[\dA-Z]{5}$/.test(code) && !/^(P[1-9]|E)/.test(code)

/** The failure itself and all that it came from. */
function failuresIn(error: unknown, depth: number): Failure[] {
  if (typeof error !== 'object' || error === null || depth > DEPTH) return []
  const { cause, errors, meta } = error as Failure
  const below = [cause, meta?.driverAdapterError, ...(Array.isArray(errors) ? (errors as unknown[]) : [])]
  return [error, ...below.flatMap((one) => failuresIn(one, depth + 1))]
}

function saysSo({ code, originalCode, severity, syscall, kind, message }: Failure): boolean {
  return (
    syscall === 'connect' ||
    syscall === 'getaddrinfo' ||
    isFatal({ severity }) ||
    ADAPTER_KINDS.has(kind) ||
    [code, originalCode].some(
      (one) =>
        typeof one === 'string' &&
        (SYSTEM_CODES.has(one) || SQL_STATES.test(one) || PRISMA_CODES.test(one) || one.startsWith('ERR_SSL_')),
    ) ||
    (typeof message === 'string' && MESSAGES.some((known) => message.includes(known)))
  )
}
