import { getFragmentData } from './generated/index.ts'
import type { CardFragmentDoc, LendMutation, LendMutationVariables, VehiclesQuery } from './generated/graphql.ts'
import { granted } from './refusal.ts'
import { ask, borrowed } from './tada.ts'

/**
 * Never run: the type checker has to refuse each line that is marked, or it fails itself. What a client gets wrong in its own
 * code is told while it is written.
 */
export async function misuse(
  answer: LendMutation['startSharing'],
  vehicle: VehiclesQuery['vehicles']['nodes'][number],
  Card: typeof CardFragmentDoc,
): Promise<unknown[]> {
  const card = getFragmentData(Card, vehicle)
  // @ts-expect-error: a result is not taken for its success before it was looked at
  const early: unknown = answer.sharing
  // @ts-expect-error: what a fragment asked for is for who has the fragment
  const masked: unknown = vehicle.name
  // @ts-expect-error: a vehicle may not be shared
  const unshared: unknown = card.sharing.partner
  // @ts-expect-error: a failure is not what is left once it was caught
  const caught: unknown = granted(answer).code
  // @ts-expect-error: an input names its partner
  const input: LendMutationVariables = { input: { vehicleId: 'FK852' } }
  // @ts-expect-error: there is no such phase
  const phase = borrowed('', '', { phase: 'OVER' })
  // @ts-expect-error: text is no document
  const text = ask('', '', '{ viewer { roles } }', {})
  return [early, masked, unshared, caught, input, await phase, await text]
}
