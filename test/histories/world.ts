import type { Random } from '../../src/simulator/random.ts'
import { run } from '../support/api.ts'
import type { Arena } from './arena.ts'
import { patiently, settle } from './caller.ts'
import type { Caller } from './caller.ts'
import type { Vehicle } from './history.ts'
import { whole } from './random.ts'

/** Three fleets, the first a partner of the others, with what they lend each other. */
export type World = {
  readonly fleetIds: readonly [string, string, string]
  readonly partnersOf: (fleetId: string) => readonly string[]
  /** Those that are lent. */
  readonly vehicles: readonly Vehicle[]
  /** One of each fleet that is never lent: what happens to it is seen by nobody else. */
  readonly ownVehicles: readonly Vehicle[]
  readonly managers: ReadonlyMap<string, string>
  readonly gateway: string
}

/** Made over the API, before anything is disturbed. @param name is in no other world of the arena */
export async function makeWorld(arena: Arena, caller: Caller, name: string, random: Random): Promise<World> {
  const { token: admin } = await arena.token(null, 'admin')
  const url = arena.urlOf(0)
  const fleet = async (letter: string): Promise<string> => {
    const order = (attempt: number) => run(url, admin, 'createFleet', { name: `${name} ${letter}${attempt}` })
    return (await patiently(order)).fleet.id
  }
  const [a, b, c] = [await fleet('A'), await fleet('B'), await fleet('C')]
  for (const partner of [b, c]) {
    await patiently(() => run(url, admin, 'registerPartnership', { fleetIds: [a, partner] }))
  }
  const fleetIds = [a, b, c] as const
  const managers = new Map<string, string>()
  for (const id of fleetIds) managers.set(id, (await arena.token(id, 'manager')).token)
  const newVehicle = async (ownerId: string): Promise<Vehicle> => {
    const token = managers.get(ownerId) ?? ''
    const order = { name: 'createVehicle', fleetId: ownerId, input: {}, side: 0, token } as const
    const { answer } = await settle(caller, random, order)
    if (answer.kind !== 'success') throw new Error(`no vehicle: ${JSON.stringify(answer)}`)
    return { id: (answer.result['vehicle'] as { id: string }).id, ownerId }
  }
  const vehicles = [await newVehicle(b)]
  for (let count = whole(random, 2, 4); count > 0; count--) vehicles.push(await newVehicle(a))
  const ownVehicles = []
  for (const id of fleetIds) ownVehicles.push(await newVehicle(id))
  return {
    fleetIds,
    partnersOf: (id) => (id === a ? [b, c] : [a]),
    vehicles,
    ownVehicles,
    managers,
    gateway: (await arena.token(null, 'gateway')).token,
  }
}
