import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import type { GraphQLError } from 'graphql'
import type { Viewer } from '../../domain/viewer.ts'
import { badUserInput, rateLimited } from '../../graphql/errors.ts'
import { createBound, createPace } from './concurrency-limit.ts'
import type { Bound } from './concurrency-limit.ts'
import { createBudget } from './rate-limit.ts'
import type { RateLimit } from './rate-limit.ts'
import { beyond, LIMITS } from './document-limits.ts'
import type { Variables, Weight } from './query-cost.ts'

/** Whether an operation is begun at all: asked right before, when its variables are known, on every way to execution. */
export type Admission = Bound & {
  /** Takes its points. @returns why not, or null */
  readonly admit: (viewer: Viewer, weight: Weight, variables: Variables) => GraphQLError | null
  /** Both enter() and admit(). @returns false, and takes nothing, if either refuses; else leave() or undo() has to follow */
  readonly begin: (viewer: Viewer, weight: Weight, variables: Variables) => boolean
  /** Gives its place and its points back: it was not done, and comes again. */
  readonly undo: (viewer: Viewer, weight: Weight, variables: Variables) => void
  /** Before somebody is told that there is no room. @returns what to wait for; null for nothing */
  readonly pace: () => Promise<void> | null
  /** What is said of the price, in `extensions.cost`: where there is a budget, or to who asks. null for nothing. */
  readonly costOf: (
    viewer: Viewer,
    weight: Weight,
    variables: Variables,
    headers: IncomingHttpHeaders | undefined,
  ) => Cost | null
  /** The headers of the budget, where there is one. */
  readonly tellBudget: (viewer: Viewer, response: ServerResponse | undefined) => void
}

/** By Shopify's convention. */
export type Cost = {
  readonly requestedQueryCost: number
  readonly actualQueryCost: number | null
  readonly throttleStatus?: {
    readonly maximumAvailable: number
    readonly currentlyAvailable: number
    readonly restoreRate: number
  }
}

export type AdmissionRules = {
  /** null: there is no budget. */
  readonly rateLimit: RateLimit | null
  /** Queries and mutations under way in this process, at most. */
  readonly operationsAtOnce: number
}

export function createAdmission({ rateLimit, operationsAtOnce }: AdmissionRules): Admission {
  const budget = rateLimit && createBudget(rateLimit)
  const bound = createBound(operationsAtOnce)
  const admit: Admission['admit'] = ({ tokenId }, weight, variables) => {
    if (weight.mostNodes > LIMITS.nodes) {
      const nodes = weight.nodes(variables)
      if (nodes > LIMITS.nodes) return beyond(`The pages multiply to ${nodes} nodes`, LIMITS.nodes)
    }
    if (weight.mostPoints > LIMITS.objects) {
      const objects = weight.points(variables)
      if (objects > LIMITS.objects) return beyond(`The operation amounts to ${objects} objects`, LIMITS.objects)
    }
    if (!budget) return null
    const points = weight.points(variables)
    if (points > budget.burst) {
      return badUserInput(`The operation costs ${points} points, and there are never more than ${budget.burst}.`)
    }
    const seconds = budget.take(tokenId, points)
    return seconds === 0 ? null : rateLimited(points, seconds)
  }
  return {
    ...bound,
    pace: createPace(),
    admit,
    begin(viewer, weight, variables) {
      if (!bound.enter()) return false
      const refused = admit(viewer, weight, variables)
      if (refused) bound.leave()
      return !refused
    },
    undo({ tokenId }, weight, variables) {
      bound.leave()
      budget?.giveBack(tokenId, weight.points(variables))
    },
    costOf({ tokenId }, weight, variables, headers) {
      if (!budget && headers?.['graphql-cost'] === undefined) return null
      const points = weight.points(variables)
      const cost = { requestedQueryCost: points, actualQueryCost: points }
      if (!budget) return cost
      const { burst, perSecond } = budget
      const currentlyAvailable = budget.left(tokenId)
      return { ...cost, throttleStatus: { maximumAvailable: burst, currentlyAvailable, restoreRate: perSecond } }
    },
    tellBudget({ tokenId }, response) {
      if (!budget || !response) return
      const { burst, perSecond } = budget
      const left = budget.left(tokenId)
      // draft-ietf-httpapi-ratelimit-headers: what there is at most, and until when it is all there again.
      response.setHeader('RateLimit-Policy', `"points";q=${burst};w=${Math.ceil(burst / perSecond)}`)
      response.setHeader('RateLimit', `"points";r=${left};t=${Math.ceil((burst - left) / perSecond)}`)
    },
  }
}
