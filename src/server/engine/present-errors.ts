import { GraphQLError } from 'graphql'
import type { GraphQLFormattedError } from 'graphql'
import type { Logger } from 'pino'
import type { Request } from '../../graphql/base/context.ts'
import { maskError, reworded } from '../../graphql/base/errors.ts'
import { LIMITS } from '../limits/document-limits.ts'

/** Errors as clients may see them. The details that are masked go to the log. */
export type PresentErrors = (errors: readonly unknown[], request: Pick<Request, 'requestId'>) => GraphQLError[]

/** @param production leaves out suggestions, which help to guess names */
export const createPresentErrors =
  (log: Logger, production: boolean): PresentErrors =>
  (errors, { requestId }) => {
    const report = (err: unknown) => log.error({ err, requestId }, 'an operation failed')
    return errors
      .slice(0, LIMITS.errors)
      .map((error) => maskError(production ? withoutSuggestion(error) : error, requestId, report))
  }

const withoutSuggestion = (error: unknown): unknown =>
  error instanceof GraphQLError ? reworded(error, error.message.replace(/ ?Did you mean .*$/s, '')) : error

/** An error as it is sent: without `extensions.http`, the status and headers that a response would have. */
export function toWire(error: GraphQLError | GraphQLFormattedError): GraphQLFormattedError {
  const { extensions, ...rest } = error instanceof GraphQLError ? error.toJSON() : error
  const { http: _http, ...others } = extensions ?? {}
  return { ...rest, extensions: others }
}
