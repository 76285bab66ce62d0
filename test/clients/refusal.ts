import type { ErrorCode } from './generated/graphql.ts'

/** What every expected failure looks like, wherever `... on UserError { code message }` is asked for. */
type Refusal = { readonly code: ErrorCode; readonly message: string }

/** An expected failure, thrown: for code that has nothing to do about it where it happens. */
export class RefusedError extends Error {
  readonly code: ErrorCode
  constructor({ code, message }: Refusal) {
    super(message)
    this.code = code
  }
}

/**
 * The one place that knows how a mutation says no. What is left of its union for the type checker is its success.
 * @param result null if the field failed, which the errors beside it tell
 * @throws RefusedError
 */
export function granted<Result extends object>(result: Result | null): Exclude<Result, Refusal> {
  if (result === null) throw new Error('there is no answer')
  if (isRefusal(result)) throw new RefusedError(result)
  return result as Exclude<Result, Refusal>
}

const isRefusal = (result: object): result is Refusal => 'code' in result && 'message' in result
