import { pino } from 'pino'
import type { Logger } from 'pino'
import type { Settings } from './settings.ts'

/** JSON lines in production, readable lines in development; on standard output either way. */
export const createLog = ({ production, logLevel }: Settings): Logger => {
  const options = { level: logLevel, serializers: { err: (error: unknown) => described(error, CAUSES) } }
  if (production) return pino(options)
  return pino({
    ...options,
    transport: { target: 'pino-pretty', options: { colorize: process.stdout.isTTY, ignore: 'pid,hostname' } },
  })
}

/** The interval in which repeated failures are logged. Milliseconds. */
const REPEAT_MS = 10_000

/** Calls `write` at once, and then at most once in ten seconds, with the number of calls since. */
export function sparingly<T>(write: (given: T, times: number) => void): (given: T) => void {
  let last = -Infinity
  let times = 0
  return (given) => {
    times++
    const now = performance.now()
    if (now - last < REPEAT_MS) return
    write(given, times)
    last = now
    times = 0
  }
}

/** The number of vehicles that one line names at most. */
const MOST_NAMED = 1_000

/**
 * Logs the failures of a job that is tried again: the first at once, then one in ten seconds, with their number and the
 * vehicles that they name.
 * @param outcome what becomes of the job
 */
export function logSparingly(log: Logger, what: string, outcome = 'it is tried again'): (error: unknown) => void {
  const vehicles = new Set<string>()
  const write = sparingly((err: unknown, times) => {
    const named = vehicles.size === 0 ? {} : { vehicles: [...vehicles] }
    log.error({ err, times, ...named }, `${what} failed; ${outcome}`)
    vehicles.clear()
  })
  return (err) => {
    if (err instanceof Error && 'vehicleId' in err && vehicles.size < MOST_NAMED) vehicles.add(String(err.vehicleId))
    write(err)
  }
}

/** The depth to which causes are followed. */
const CAUSES = 5

type Described = {
  readonly type: string
  readonly code?: string
  readonly message: string
  readonly stack?: string | undefined
  readonly causes?: readonly Described[]
}

/**
 * Type, code, message, stack and causes of an error. Its other properties are left out: PostgreSQL adds the row that failed,
 * Prisma its arguments, and jose the claims of a token.
 */
function described(error: unknown, depth: number): Described {
  if (!(error instanceof Error)) return { type: typeof error, message: scrubbed(String(error)) }
  const { constructor, message, stack, cause, code, errors } = error as Error & { code?: unknown; errors?: unknown }
  const causes = [...(cause === undefined ? [] : [cause]), ...(Array.isArray(errors) ? (errors as unknown[]) : [])]
  return {
    type: constructor.name,
    ...(typeof code === 'string' ? { code } : {}),
    message: scrubbed(message),
    stack: stack && scrubbed(stack),
    ...(depth > 0 && causes.length > 0 ? { causes: causes.map((one) => described(one, depth - 1)) } : {}),
  }
}

/** A message may quote a value: texts that look like a token or a vehicle identification number are taken out. */
const scrubbed = (text: string): string =>
  text.replaceAll(/\beyJ[\w-]+(\.[\w-]*)*/g, '[token]').replaceAll(/\b(?=[A-Z\d]*\d)[A-HJ-NPR-Z\d]{17}\b/g, '[vin]')
