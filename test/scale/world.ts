import { run } from '../support/api.ts'
import type { Arena } from './arena.ts'

export type ScaleFleet = {
  readonly id: string
  /** Of a viewer. */
  readonly token: string
  readonly vehicles: readonly string[]
}

export type WorldSize = {
  readonly fleets: number
  /** Of each fleet; so many of them are lent to its partner. */
  readonly vehicles: number
  readonly lent: number
}

/** Fleets, two and two of which are partners, made over the API. */
export async function makeFleets(arena: Arena, url: string, size: WorldSize): Promise<ScaleFleet[]> {
  const admin = await arena.token(null, 'admin')
  const fleets: ScaleFleet[] = []
  for (let number = 1; number <= size.fleets; number++) {
    const { fleet } = await run(url, admin, 'createFleet', { name: `Fleet ${number}` })
    const id = fleet.id as string
    const manager = await arena.token(id, 'manager')
    const vehicles = Array.from({ length: size.vehicles }, async () => {
      const { vehicle } = await run(url, manager, 'createVehicle', {})
      return vehicle.id as string
    })
    fleets.push({ id, token: await arena.token(id, 'viewer'), vehicles: await Promise.all(vehicles) })
  }
  for (const [index, { id, vehicles }] of fleets.entries()) {
    const partner = fleets[index ^ 1]
    if (!partner || size.lent === 0) continue
    await run(url, admin, 'registerPartnership', { fleetIds: [id, partner.id] })
    const manager = await arena.token(id, 'manager')
    const lend = (vehicleId: string) => run(url, manager, 'startSharing', { vehicleId, fleetId: partner.id })
    await Promise.all(vehicles.slice(0, size.lent).map(lend))
  }
  return fleets
}

/** The vehicles of all fleets, one of each fleet by turns. */
export const byTurns = (fleets: readonly ScaleFleet[]): string[] =>
  Array.from({ length: Math.max(...fleets.map(({ vehicles }) => vehicles.length)) }, (_, turn) =>
    fleets.flatMap(({ vehicles }) => vehicles[turn] ?? []),
  ).flat()

/** How far the log reaches. */
export async function endOf({ db }: Arena): Promise<number> {
  const { rows } = await db.query<{ last: string }>('SELECT COALESCE(max(position), 0) AS last FROM event')
  return Number(rows[0]?.last)
}

/** Where a fleet's events stand behind a place, in their order: what a subscriber from there has to receive. */
export async function positionsOf({ db }: Arena, fleetId: string, after: number): Promise<number[]> {
  const { rows } = await db.query<{ position: string }>(
    'SELECT position FROM event WHERE (owner_id = $1 OR partner_id = $1) AND position > $2 ORDER BY position',
    [fleetId, after],
  )
  return rows.map(({ position }) => Number(position))
}
