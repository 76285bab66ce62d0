import { GraphQLError } from 'graphql'
import type { ASTNode } from 'graphql'
import { CursorExpiredError } from '../../data/log/place.ts'
import { isUnavailable } from '../../data/database/unavailable.ts'

/** The codes of top-level errors. */
export const TOP_LEVEL_CODES = [
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'BAD_USER_INPUT',
  'CURSOR_EXPIRED',
  'DOCUMENT_NOT_TRUSTED',
  'RATE_LIMITED',
  'SERVICE_UNAVAILABLE',
  'INTERNAL_SERVER_ERROR',
] as const
export type TopLevelCode = (typeof TOP_LEVEL_CODES)[number]

const withCode = (code: TopLevelCode, message: string, node?: ASTNode) =>
  new GraphQLError(message, { nodes: node ?? null, extensions: { code } })

export const forbidden = () => withCode('FORBIDDEN', 'The token does not allow this.')

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

/** The token has too few points left; in so many seconds it will have enough. */
export const rateLimited = (points: number, seconds: number) =>
  refusedNow(
    'RATE_LIMITED',
    429,
    seconds,
    `This costs ${points} points, more than are left. Try again in ${seconds} s.`,
  )

/** Nothing was begun. */
export const overloaded = () =>
  refusedNow('SERVICE_UNAVAILABLE', 503, 1, 'Too much is under way. Nothing was done; try again soon.')

const refusedNow = (code: TopLevelCode, status: number, seconds: number, message: string) =>
  new GraphQLError(message, { extensions: { code, http: { status, headers: { 'Retry-After': String(seconds) } } } })

/** Takes an internal error for the log: the client gets no more of it than the request id. */
export type Report = (error: unknown) => void

/**
 * An error as clients may see it. Errors that a resolver throws on purpose carry a code; errors that graphql-js finds in a
 * request before executing it have no path; all others are masked.
 */
export function maskError(error: unknown, requestId: string, report: Report): GraphQLError {
  const cause = error instanceof GraphQLError ? error.originalError : error
  if (cause instanceof CursorExpiredError) return cursorExpired()
  // Further down, a mutation may have been committed before.
  const isFirst = !(error instanceof GraphQLError) || (error.path?.length ?? 0) <= 1
  if (isFirst && isUnavailable(cause)) {
    report(cause)
    const path = error instanceof GraphQLError ? (error.path ?? null) : null
    return new GraphQLError(UNAVAILABLE, { path, extensions: unavailable(requestId) })
  }
  if (!(error instanceof GraphQLError)) {
    report(error)
    return new GraphQLError(MASKED, { extensions: internal(requestId) })
  }
  const { originalError, extensions } = error
  const isRequestError = error.path === undefined && (!originalError || originalError instanceof GraphQLError)
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
const UNAVAILABLE = 'The database cannot be reached at present. Try again soon.'
const unavailable = (requestId: string) => ({ code: 'SERVICE_UNAVAILABLE' satisfies TopLevelCode, requestId })
const internal = (requestId: string) => ({ code: 'INTERNAL_SERVER_ERROR' satisfies TopLevelCode, requestId })
