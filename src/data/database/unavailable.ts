/** Of the system, when there is no way there; of PostgreSQL, when it takes no more connections, or none yet. */
const CODES = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', '53300', '57P03'])

/** What the pool and the driver say without a code. */
const MESSAGES = ['timeout exceeded when trying to connect', 'Connection terminated due to connection timeout']

/** Whether it failed because no connection to the database could be had, so that nothing was asked of it. */
export function isUnavailable(error: unknown): boolean {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth++) {
    const { code, message } = cause as NodeJS.ErrnoException
    if ((code !== undefined && CODES.has(code)) || MESSAGES.some((known) => message.includes(known))) return true
    // Several addresses were tried.
    if (cause instanceof AggregateError && cause.errors.some(isUnavailable)) return true
  }
  return false
}
