import { GraphQLError } from 'graphql'
import type { GraphQLFormattedError } from 'graphql'
import type { Logger } from 'pino'
import type { Request } from '../../graphql/context.ts'
import { presentable } from '../../graphql/errors.ts'
import { LIMITS } from '../limits/document-limits.ts'

/** Errors as clients may see them. What they are not told goes to the log. */
export type Show = (errors: readonly unknown[], asker: Pick<Request, 'requestId'>) => GraphQLError[]

/** @param production does not help to guess names */
export const createShow =
  (log: Logger, production: boolean): Show =>
  (errors, { requestId }) => {
    const report = (err: unknown) => log.error({ err, requestId }, 'an operation failed')
    const shown = errors.slice(0, LIMITS.errors).map((error) => presentable(error, requestId, report))
    return production ? shown.map(withoutSuggestion) : shown
  }

function withoutSuggestion(error: GraphQLError): GraphQLError {
  const message = error.message.replace(/ ?Did you mean .*$/s, '')
  if (message === error.message) return error
  const { nodes, source, positions, path, extensions } = error
  return new GraphQLError(message, {
    nodes: nodes ?? null,
    source: source ?? null,
    positions: positions ?? null,
    path: path ?? null,
    extensions,
  })
}

/** Without what only HTTP makes use of: the status that an answer would have. */
export function plain(error: GraphQLError | GraphQLFormattedError): GraphQLFormattedError {
  const { extensions, ...rest } = error instanceof GraphQLError ? error.toJSON() : error
  const { http: _http, ...others } = extensions ?? {}
  return { ...rest, extensions: others }
}
