import { run } from './api.ts'
import type { TestServer } from './server.ts'

export type World = {
  /** Owner, its partner, and a stranger who is partner of neither. */
  readonly owner: string
  readonly partner: string
  readonly stranger: string
  /** Tokens of their managers. */
  readonly as: Readonly<Record<'owner' | 'partner' | 'stranger' | 'admin', string>>
  /** A new vehicle of the owner's. @returns its id */
  readonly newVehicle: (fields?: Readonly<Record<string, unknown>>) => Promise<string>
}

/** Three fleets, made over the API: two partners and a stranger. */
export async function makeWorld(server: TestServer): Promise<World> {
  const { url, token } = server
  const admin = await token(null, 'admin')
  const fleet = async (name: string) => (await run(url, admin, 'createFleet', { name })).fleet.id as string
  const [owner, partner, stranger] = [await fleet('Owner'), await fleet('Partner'), await fleet('Stranger')]
  await run(url, admin, 'registerPartnership', { fleetIds: [owner, partner] })
  const as = {
    owner: await token(owner, 'manager'),
    partner: await token(partner, 'manager'),
    stranger: await token(stranger, 'manager'),
    admin,
  }
  return {
    owner,
    partner,
    stranger,
    as,
    newVehicle: async (fields = {}) => (await run(url, as.owner, 'createVehicle', fields)).vehicle.id as string,
  }
}

/** Resolves once this machine's clock has reached an instant, in milliseconds since 1970. */
export async function at(instant: number): Promise<void> {
  while (Date.now() < instant) await new Promise((resolve) => setTimeout(resolve, instant - Date.now()))
}

export const iso = (instant: number): string => new Date(instant).toISOString()

/** Milliseconds. */
export const HOUR = 3_600_000

/** An instant so far ahead, or behind, as the API takes it. */
export const inHours = (hours: number): string => iso(Date.now() + hours * HOUR)
