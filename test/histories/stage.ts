import type { Random } from '../../src/simulator/random.ts'
import type { Arena } from './arena.ts'
import type { Caller } from './caller.ts'
import type { Dispatch, Follower, Instant, Read, Side } from './history.ts'
import { oneOf } from './random.ts'
import type { World } from './world.ts'

/** What all who act in one history share. */
export type Stage = {
  readonly seed: number
  readonly arena: Arena
  readonly caller: Caller
  readonly world: World
  /** Whether those who change things go on. */
  readonly going: () => boolean
  readonly startedAt: number
  readonly followers: Follower[]
  readonly dispatches: Dispatch[]
  readonly reads: Read[]
  /** The newest sharing of a vehicle that somebody heard of, and when it is over as far as that is known. */
  readonly sharings: Map<string, { readonly id: string; readonly partnerId: string; readonly until: Instant }>
  readonly problems: string[]
}

export const anySide = (random: Random): Side => oneOf(random, [0, 1] as const)
