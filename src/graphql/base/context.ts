import type { Client } from '../../data/client.ts'
import type { Loaders } from '../../data/queries/loaders.ts'
import type { Requester } from '../../data/decisions/decide.ts'
import { UserError } from '../../domain/errors.ts'
import type { ErrorCode } from '../../domain/errors.ts'
import type { Member } from '../../domain/fleet.ts'
import type { Instant } from '../../domain/period.ts'
import type { Viewer } from '../../domain/access/viewer.ts'
import type { Tail } from '../../live/tail.ts'
import { forbidden } from './errors.ts'

/** The services that all operations of a server share. */
export type Services = {
  readonly prisma: Client
  readonly tail: Tail
  /** Called with the code of each expected failure that a mutation returns. */
  readonly onRefusal: (code: ErrorCode) => void
}

export type Transport = 'http' | 'sse' | 'websocket'

/** A request: its viewer, its id, and how it came. */
export type Request = {
  readonly viewer: Viewer
  readonly requestId: string
  readonly transport: Transport
  /** The parent span that the client names, in the form of W3C Trace Context. */
  readonly traceparent?: string | undefined
  /** Whether its connection is about to close, so that nothing more is delivered. */
  readonly gone?: (() => boolean) | undefined
}

/** One operation; for a subscription, one event after the other. */
export type Context = Services &
  Request & {
    /** The instant at which the answer holds. */
    readonly now: Instant
    readonly loaders: Loaders
    /**
     * Moves `now` on, to the present or to an instant of a decision, and forgets what was loaded: after each mutation and before each
     * event of a subscription.
     */
    readonly renew: (at?: Instant | null) => void
  }

/** A context with its private properties. */
type Own = { -readonly [Name in keyof Context]: Context[Name] } & { made: Loaders | null }

/** Properties that are made at their first use, and again after renew(). */
const lazyProperties: Pick<Context, 'loaders' | 'renew'> & ThisType<Own> = {
  get loaders() {
    const { prisma, viewer, now } = this
    return (this.made ??= prisma.$loaders(viewer.kind === 'FLEET' ? viewer.fleetId : null, now))
  },
  renew(at = null) {
    this.now = at ?? this.prisma.$now()
    this.made = null
  },
}

/**
 * The context of an operation. Made field by field, for spreading takes several times as long, and with an inherited getter, for
 * an own getter takes ten times as long.
 */
export function contextOf({ prisma, tail, onRefusal }: Services, request: Request): Context {
  const context = Object.create(lazyProperties) as Own
  context.prisma = prisma
  context.tail = tail
  context.onRefusal = onRefusal
  context.viewer = request.viewer
  context.requestId = request.requestId
  context.transport = request.transport
  context.traceparent = request.traceparent
  context.gone = request.gone
  context.now = prisma.$now()
  context.made = null
  return context
}

/** A context that inherits no properties, for a caller that copies its own ones. */
export const createContext = (services: Services, request: Request): Context =>
  Object.defineProperties(contextOf(services, request), Object.getOwnPropertyDescriptors(lazyProperties))

/**
 * The member of a fleet that asks. @throws FORBIDDEN for ADMIN, GATEWAY and a token without a known role, which also reach
 * fields below those that are for MEMBER
 */
export function asMember({ viewer }: Context): Member {
  if (viewer.kind !== 'FLEET' || viewer.member.role === null) throw forbidden()
  return viewer.member
}

export const asRequester = (context: Context): Requester => ({
  member: asMember(context),
  subject: storable(context.viewer.subject),
  requestId: context.requestId,
})

/** The subject of a token as it is stored: a provider may put anything there, and PostgreSQL takes no NUL. */
const storable = (subject: string | null): string | null =>
  subject && subject.slice(0, 200).toWellFormed().replaceAll('\0', '\ufffd')

/** Runs a mutation. Its result is read as of the instant after it, a refusal as of the instant at which it was decided. */
export async function change<T>(context: Context, verb: Promise<T>): Promise<T> {
  try {
    const result = await verb
    context.renew()
    return result
  } catch (error) {
    if (error instanceof UserError) {
      context.onRefusal(error.code)
      context.renew(error.at)
    }
    throw error
  }
}

/** The row that a foreign key leads to. */
export function nonNull<T>(row: T | null): T {
  if (row === null) throw new Error('a row that another one refers to is missing')
  return row
}
