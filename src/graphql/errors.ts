import type { ObjectRef } from '@pothos/core'
import { GraphQLError } from 'graphql'
import type { ASTNode } from 'graphql'
import { CursorExpiredError } from '../data/log.ts'
import { isUnavailable } from '../data/unavailable.ts'
import { ERROR_CODES, InputError, RequestError, SharingConflictError } from '../domain/errors.ts'
import type { ErrorCode, UserError } from '../domain/errors.ts'
import { builder } from './builder.ts'
import type { SchemaTypes } from './builder.ts'

export const ErrorCodeEnum = builder.enumType('ErrorCode', {
  description: 'Why something was refused. Programs branch on this.',
  values: Object.fromEntries(
    Object.entries(ERROR_CODES).map(([code, description]) => [code, { description, value: code as ErrorCode }]),
  ) as { [K in ErrorCode]: { description: string; value: K } },
})

export const UserErrorInterface = builder.interfaceRef<UserError>('UserError').implement({
  description: 'Every expected failure is one of these, so `... on UserError { code message }` always catches it.',
  fields: (t) => ({
    code: t.expose('code', { type: ErrorCodeEnum, description: 'What programs branch on.' }),
    message: t.exposeString('message', { description: 'For people; it may change. Programs branch on code.' }),
  }),
})

builder.objectType(RequestError, {
  name: 'RequestError',
  description: 'An expected failure with nothing to add.',
  interfaces: [UserErrorInterface],
})

builder.objectType(InputError, {
  name: 'InputError',
  description: 'INVALID_INPUT, INVALID_PERIOD: which input field, as a path inside the input: [endsAt], [reports].',
  interfaces: [UserErrorInterface],
  fields: (t) => ({
    path: t.stringList({ description: 'The field, as a path inside the input.', resolve: ({ path }) => [...path] }),
  }),
})

type ErrorClass = typeof RequestError | typeof InputError | typeof SharingConflictError

/** What a mutation answers: its success, or one of the expected failures, which the domain throws. */
export const resultOf = <T>(verb: string, success: ObjectRef<SchemaTypes, T>, errors: readonly ErrorClass[]) =>
  builder.errorUnion(`${verb}Result`, {
    description: `${verb}Success, or why not.`,
    types: [success, ...errors],
    resolveType: () => `${verb}Success`,
  })

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

/** Malformed arguments; the message names the argument, or `node` is where it stands in the document. */
export const badUserInput = (message: string, node?: ASTNode) => withCode('BAD_USER_INPUT', message, node)

/** The cursor was good, and is too old: what lay behind it has been removed from the log. */
export const cursorExpired = () =>
  withCode(
    'CURSOR_EXPIRED',
    'Events behind this cursor have been removed for their age. Read what is now, and the log from its beginning.',
  )

/** It is not among those that the operator has named, or has no such hash. */
export const documentNotTrusted = () =>
  new GraphQLError('Only documents that this server knows are admitted, and this is none of them.', {
    extensions: { code: 'DOCUMENT_NOT_TRUSTED' satisfies TopLevelCode, http: { spec: true, status: 400 } },
  })

/** The token has spent its points; in so many seconds it will have enough. */
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

/** What went wrong inside: said to the log, and not to the client but by the request's id. */
export type Report = (error: unknown) => void

/**
 * An error as clients may see it. What a resolver raised on purpose carries its code; what graphql-js found wrong with a
 * request before executing it has no path; everything else is masked.
 */
export function presentable(error: unknown, requestId: string, report: Report): GraphQLError {
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
const UNAVAILABLE = 'The database is not available at present. Try again soon.'
const unavailable = (requestId: string) => ({ code: 'SERVICE_UNAVAILABLE' satisfies TopLevelCode, requestId })
const internal = (requestId: string) => ({ code: 'INTERNAL_SERVER_ERROR' satisfies TopLevelCode, requestId })
