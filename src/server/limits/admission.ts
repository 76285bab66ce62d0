import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import type { ExecutionResult, GraphQLError } from 'graphql'
import type { Viewer } from '../../domain/access/viewer.ts'
import { badUserInput, rateLimited } from '../../graphql/base/errors.ts'
import { createConcurrencyLimit, createRefusalDelay } from './concurrency-limit.ts'
import type { ConcurrencyLimit } from './concurrency-limit.ts'
import { limitExceeded, LIMITS } from './document-limits.ts'
import type { Variables } from './cost-tree.ts'
import type { QueryCost } from './query-cost.ts'
import { createRateLimiter } from './rate-limit.ts'
import type { RateLimit, RateLimiter } from './rate-limit.ts'

/** Decides whether an operation is begun: right before it, when its variables are known, on every way to execution. */
export type Admission = ConcurrencyLimit & {
  /** Takes the operation's points. @returns the reason of a refusal, or null */
  readonly admit: (viewer: Viewer, cost: QueryCost, variables: Variables) => GraphQLError | null
  /** admit() for a caller that needs a result. @returns the result of a refused operation, or null */
  readonly refusal: (
    viewer: Viewer,
    cost: QueryCost,
    variables: Variables,
    headers: IncomingHttpHeaders | undefined,
  ) => ExecutionResult | null
  /** Both enter() and admit(). @returns false, and takes nothing, if either refuses; else leave() or undo() has to follow */
  readonly begin: (viewer: Viewer, cost: QueryCost, variables: Variables) => boolean
  /** Gives back the place and the points of an operation that was not executed and is tried in another way. */
  readonly undo: (viewer: Viewer, cost: QueryCost, variables: Variables) => void
  /** Delays refusals for the concurrency limit. @returns a promise to wait for before one is sent; null for none */
  readonly delayRefusal: () => Promise<void> | null
  /**
   * Gives back the points that an operation took beyond what its answer holds. To be called once for each that was executed.
   * @returns `extensions.cost`, where there is a rate limit or the request asks for it; else null
   */
  readonly settle: (
    viewer: Viewer,
    cost: QueryCost,
    variables: Variables,
    headers: IncomingHttpHeaders | undefined,
    answer: ExecutionResult,
  ) => CostExtension | null
  /** Sets the headers of the rate limit, if there is one. */
  readonly setRateLimitHeaders: (viewer: Viewer, response: ServerResponse | undefined) => void
}

/** The cost of an operation in its response, by Shopify's convention. */
export type CostExtension = {
  readonly requestedQueryCost: number
  readonly actualQueryCost: number | null
  readonly throttleStatus?: {
    readonly maximumAvailable: number
    readonly currentlyAvailable: number
    readonly restoreRate: number
  }
}

export type AdmissionRules = {
  /** null: there is no rate limit. */
  readonly rateLimit: RateLimit | null
  /** Queries and mutations under way in this process, at most. */
  readonly operationsAtOnce: number
}

export function createAdmission({ rateLimit, operationsAtOnce }: AdmissionRules): Admission {
  const limiter: RateLimiter | null = rateLimit && createRateLimiter(rateLimit)
  const concurrency = createConcurrencyLimit(operationsAtOnce)

  const admit: Admission['admit'] = ({ tokenId }, cost, variables) => {
    if (cost.maxNodes > LIMITS.nodes) {
      const nodes = cost.nodes(variables)
      if (nodes > LIMITS.nodes) return limitExceeded(`The pages multiply to ${nodes} nodes`, LIMITS.nodes)
    }
    if (cost.maxPoints > LIMITS.objects) {
      const objects = cost.points(variables)
      if (objects > LIMITS.objects) return limitExceeded(`The operation amounts to ${objects} objects`, LIMITS.objects)
    }
    if (!limiter) return null
    const points = cost.points(variables)
    if (points > limiter.burst) {
      return badUserInput(`The operation costs ${points} points, and there are never more than ${limiter.burst}.`)
    }
    const seconds = limiter.take(tokenId, points)
    return seconds === 0 ? null : rateLimited(points, seconds)
  }

  const isCostWanted = (headers: IncomingHttpHeaders | undefined) =>
    limiter !== null || headers?.['graphql-cost'] !== undefined

  const extensionOf = ({ tokenId }: Viewer, requested: number, actual: number | null): CostExtension => {
    const extension = { requestedQueryCost: requested, actualQueryCost: actual }
    if (!limiter) return extension
    const { burst, perSecond } = limiter
    const currentlyAvailable = limiter.left(tokenId)
    return { ...extension, throttleStatus: { maximumAvailable: burst, currentlyAvailable, restoreRate: perSecond } }
  }

  return {
    ...concurrency,
    delayRefusal: createRefusalDelay(),
    admit,
    refusal(viewer, cost, variables, headers) {
      const refused = admit(viewer, cost, variables)
      if (!refused) return null
      if (!isCostWanted(headers)) return { errors: [refused] }
      return { errors: [refused], extensions: { cost: extensionOf(viewer, cost.points(variables), null) } }
    },
    begin(viewer, cost, variables) {
      if (!concurrency.enter()) return false
      const refused = admit(viewer, cost, variables)
      if (refused) concurrency.leave()
      return !refused
    },
    undo({ tokenId }, cost, variables) {
      concurrency.leave()
      limiter?.giveBack(tokenId, cost.points(variables))
    },
    settle(viewer, cost, variables, headers, answer) {
      if (!isCostWanted(headers)) return null
      const requested = cost.points(variables)
      const actual = cost.actualPoints(variables, answer)
      limiter?.giveBack(viewer.tokenId, requested - actual)
      return extensionOf(viewer, requested, actual)
    },
    setRateLimitHeaders({ tokenId }, response) {
      if (!limiter || !response) return
      const { burst, perSecond } = limiter
      const left = limiter.left(tokenId)
      // draft-ietf-httpapi-ratelimit-headers: the most there can be, what is left, and the seconds until all is there again.
      response.setHeader('RateLimit-Policy', `"points";q=${burst};w=${Math.ceil(burst / perSecond)}`)
      response.setHeader('RateLimit', `"points";r=${left};t=${Math.ceil((burst - left) / perSecond)}`)
    },
  }
}
