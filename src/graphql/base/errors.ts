import { GraphQLError, isValueNode } from 'graphql'
import type { ASTNode } from 'graphql'
import { CursorExpiredError } from '../../data/log/place.ts'
import { briefly } from '../../domain/message.ts'
import { isUnavailable } from '../../data/database/unavailable.ts'

/** The codes of top-level errors. */
export const TOP_LEVEL_CODES = [
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'BAD_USER_INPUT',
  'CURSOR_EXPIRED',
  'DOCUMENT_NOT_TRUSTED',
  'PERSISTED_QUERY_NOT_SUPPORTED',
  'RATE_LIMITED',
  'SERVICE_UNAVAILABLE',
  'INTERNAL_SERVER_ERROR',
] as const
export type TopLevelCode = (typeof TOP_LEVEL_CODES)[number]

const withCode = (code: TopLevelCode, message: string, node?: ASTNode) =>
  new GraphQLError(message, { nodes: node ?? null, extensions: { code } })

export const forbidden = () => withCode('FORBIDDEN', 'The token does not allow this.')

/** Refuses a viewer of kind NOBODY. @param unregistered the fleet of the token that is not registered, if that is the reason */
export const forbiddenToNobody = ({ unregistered }: { readonly unregistered: string | null }) =>
  unregistered === null
    ? forbidden()
    : withCode(
        'FORBIDDEN',
        `The fleet of this token, "${unregistered}", is not registered on this server. An ADMIN registers it with createFleet.`,
      )

/** Malformed arguments: the message names the argument, or `node` is its place in the document. */
export const badUserInput = (message: string, node?: ASTNode) => withCode('BAD_USER_INPUT', message, node)

/** The cursor was valid: events after it have been removed from the log, or its own was lost by the database. */
export const cursorExpired = () =>
  withCode(
    'CURSOR_EXPIRED',
    'Events behind this cursor have been removed for their age, or the database lost its event. Read what is now, and the log from its beginning.',
  )

/** The document is not among those that the operator has named, or no document has this hash. */
export const documentNotTrusted = () =>
  new GraphQLError('Only documents that this server knows are admitted, and this is none of them.', {
    extensions: { code: 'DOCUMENT_NOT_TRUSTED' satisfies TopLevelCode, http: { spec: true, status: 400 } },
  })

/** In Apollo's words, and with its status: its link for persisted queries sends the document then. */
export const persistedQueryNotSupported = () =>
  new GraphQLError('PersistedQueryNotSupported', {
    extensions: { code: 'PERSISTED_QUERY_NOT_SUPPORTED' satisfies TopLevelCode, http: { status: 200 } },
  })

/** The token has too few points left; in so many seconds it will have enough. */
export const rateLimited = (points: number, seconds: number) =>
  refusedNow(
    'RATE_LIMITED',
    429,
    seconds,
    `This costs ${points} points, more than are left. Try again in ${seconds} s.`,
  )

export const TOO_MANY_CONNECTIONS = 'Too many connections are open with this access token.'
/** A stream more would be one too many. */
export const tooManyConnections = () =>
  new GraphQLError(TOO_MANY_CONNECTIONS, {
    extensions: { code: 'BAD_USER_INPUT' satisfies TopLevelCode, http: { status: 429 } },
  })

/** A subscription of a client that accepts no stream. */
export const streamNotAccepted = () =>
  new GraphQLError(
    'A subscription is answered with server-sent events, which the request has to accept (Accept: text/event-stream), or over a WebSocket.',
    { extensions: { code: 'BAD_USER_INPUT' satisfies TopLevelCode, http: { status: 406 } } },
  )

/** The token has ended or was revoked while its request came. */
export const unauthenticated = (message: string) =>
  new GraphQLError(message, {
    extensions: {
      code: 'UNAUTHENTICATED' satisfies TopLevelCode,
      http: { status: 401, headers: { 'WWW-Authenticate': 'Bearer' } },
    },
  })

/** Nothing was begun. */
export const overloaded = () =>
  refusedNow('SERVICE_UNAVAILABLE', 503, 1, 'Too much is under way. Nothing was done; try again soon.')

/** Nothing was begun. */
export const stopping = () =>
  refusedNow('SERVICE_UNAVAILABLE', 503, 1, 'The server is about to stop. Nothing was done; try again soon.')

const refusedNow = (code: TopLevelCode, status: number, seconds: number, message: string) =>
  new GraphQLError(message, { extensions: { code, http: { status, headers: { 'Retry-After': String(seconds) } } } })

/** Takes an internal error for the log: the client gets no more of it than the request id. */
export type Report = (error: unknown) => void

/** The same error with another message. */
export function reworded(error: GraphQLError, message: string): GraphQLError {
  if (message === error.message) return error
  const { nodes, source, positions, path, originalError, extensions } = error
  return new GraphQLError(message, {
    nodes: nodes ?? null,
    source: source ?? null,
    positions: positions ?? null,
    path: path ?? null,
    originalError: originalError ?? null,
    extensions,
  })
}

/** An error as clients may see it, whatever the transport. Its message repeats no more than a little of what was sent. */
export function maskError(error: unknown, requestId: string, report: Report): GraphQLError {
  const masked = coded(error, requestId, report)
  return reworded(masked, briefly(masked.message))
}

/**
 * An error as clients may see it. Errors that a resolver throws on purpose carry a code; errors that graphql-js finds in a
 * request before executing it have no path; those that it finds in an argument when a field's turn comes
 * (a null where the type takes none) stand at a value in the document; all others are masked.
 */
function coded(error: unknown, requestId: string, report: Report): GraphQLError {
  const cause = error instanceof GraphQLError ? error.originalError : error
  if (cause instanceof CursorExpiredError) return cursorExpired()
  if (isUnavailable(cause)) {
    report(cause)
    const path = error instanceof GraphQLError ? (error.path ?? null) : null
    return new GraphQLError(UNAVAILABLE, { path, extensions: unavailable(requestId) })
  }
  if (!(error instanceof GraphQLError)) {
    report(error)
    return new GraphQLError(MASKED, { extensions: internal(requestId) })
  }
  const { originalError, extensions } = error
  const isOfGraphql = !originalError || originalError instanceof GraphQLError
  const isOfArgument = error.nodes !== undefined && error.nodes.length > 0 && error.nodes.every(isValueNode)
  const isRequestError = isOfGraphql && (error.path === undefined || isOfArgument)
  // Yoga has codes of its own for bodies and documents that are wrong or too large: to clients one more malformed input.
  if (TOP_LEVEL_CODES.some((code) => code === extensions['code'])) return error
  const where = {
    nodes: error.nodes ?? null,
    source: error.source ?? null,
    positions: error.positions ?? null,
    path: error.path ?? null,
  }
  if (isRequestError) {
    const code: TopLevelCode = 'BAD_USER_INPUT'
    return new GraphQLError(error.message, { ...where, extensions: { ...extensions, code } })
  }
  report(originalError ?? error)
  return new GraphQLError(MASKED, { ...where, extensions: internal(requestId) })
}

const MASKED = 'Something went wrong inside the server. The log has the details under the request id.'
const UNAVAILABLE = 'The database is not available at present. Try again soon.'
const unavailable = (requestId: string) => ({ code: 'SERVICE_UNAVAILABLE' satisfies TopLevelCode, requestId })
const internal = (requestId: string) => ({ code: 'INTERNAL_SERVER_ERROR' satisfies TopLevelCode, requestId })
