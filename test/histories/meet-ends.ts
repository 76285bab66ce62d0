import { setTimeout as sleep } from 'node:timers/promises'
import { between } from '../../src/simulator/random.ts'
import type { Random } from '../../src/simulator/random.ts'
import type { Variables } from '../support/api.ts'
import { other } from './caller.ts'
import type { Read } from './history.ts'
import { believed, lend, managerOf, MOST_PAUSE_MS, move, sendAs } from './mutators.ts'
import { chance, oneOf, streamOf, whole } from './random.ts'
import { anySide } from './stage.ts'
import type { Stage } from './stage.ts'

/** An end as near as this is waited for, and for so long a vehicle is lent that is not. Milliseconds. */
const NEAR_MS = 1_000
const SHORTLY_MS = [300, 800] as const
/** How long before it somebody changes it, and for how long after it all look. Milliseconds. */
const BEFORE_MS = 250
const AFTER_MS = 100
/** Nobody looks for longer. Milliseconds. */
const LOOK_LIMIT_MS = 5_000

const READ =
  'query ($vehicleId: ID!, $sharingId: ID!) { vehicle(id: $vehicleId) { sharing { id } } sharing(id: $sharingId) { phase } }'

/**
 * The owner changes its mind about an end as it comes, while both parties look at the vehicle and try to use it, on either
 * instance: nobody who was told that the end has passed may be told otherwise.
 */
export async function meetEnds(stage: Stage): Promise<void> {
  await Promise.all(
    ['changer 1', 'changer 2', 'changer 3'].map(async (name) => {
      const random = streamOf(stage.seed, name)
      while (stage.going()) {
        await meetEnd(stage, random)
        await sleep(between(random, 0, MOST_PAUSE_MS))
      }
    }),
  )
}

async function meetEnd(stage: Stage, random: Random): Promise<void> {
  const vehicle = oneOf(random, stage.world.vehicles)
  if (!believed(stage, vehicle)) {
    const endsAt = Date.now() + whole(random, ...SHORTLY_MS)
    await lend(stage, random, vehicle, { startsAt: null, endsAt })
  }
  const sharing = believed(stage, vehicle)
  if (!sharing || sharing.until > Date.now() + NEAR_MS) return
  const { until, partnerId } = sharing
  const reached = (offset: number) => sleep(Math.max(0, until + offset - Date.now()))
  const side = anySide(random)
  const before = reached(-between(random, 0, BEFORE_MS)).then(() => move(stage, random, vehicle))
  const looks = [vehicle.ownerId, partnerId].flatMap((fleetId) =>
    [side, other(side)].map(async (at) => {
      const use = chance(random, 0.5)
      await reached(between(random, 0, AFTER_MS))
      await look(stage, { fleetId, vehicleId: vehicle.id, sharingId: sharing.id, side: at })
      if (use) await sendAs(stage, random, vehicle, fleetId)
    }),
  )
  await Promise.all([before, ...looks])
}

/** Looks once. What is not answered, or with an error, tells nothing. */
async function look(stage: Stage, order: Pick<Read, 'fleetId' | 'vehicleId' | 'sharingId' | 'side'>): Promise<void> {
  const { vehicleId, sharingId, fleetId, side } = order
  const { token } = managerOf(stage, fleetId)
  const invokedAt = Date.now()
  const answer = await ask(stage.arena.urlOf(side), token, { vehicleId, sharingId }).catch(() => null)
  if (!answer?.data || answer.errors) return
  const { vehicle, sharing } = answer.data
  const [phase, inForce] = [sharing?.phase ?? null, vehicle?.sharing?.id ?? null]
  stage.reads.push({ ...order, invokedAt, returnedAt: Date.now(), phase, inForce })
}

type Answer = {
  readonly data?: {
    readonly vehicle: { readonly sharing: { readonly id: string } | null } | null
    readonly sharing: { readonly phase: string } | null
  } | null
  readonly errors?: readonly unknown[]
}

async function ask(url: string, token: string, variables: Variables): Promise<Answer> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    signal: AbortSignal.timeout(LOOK_LIMIT_MS),
    headers: { 'Content-Type': 'application/json', Accept: 'application/json', Authorization: `Bearer ${token}` },
    body: JSON.stringify({ query: READ, variables }),
  })
  return (await response.json()) as Answer
}
