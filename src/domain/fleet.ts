import { InputError } from './errors.ts'
import { checkText } from './text.ts'

export type Fleet = { readonly id: string; readonly name: string }

/** The roles of a fleet's members, from least to most: each includes the ones before it. */
export const FLEET_ROLES = ['VIEWER', 'OPERATOR', 'MANAGER'] as const
export type FleetRole = (typeof FLEET_ROLES)[number]

export const ROLES = [...FLEET_ROLES, 'GATEWAY', 'ADMIN'] as const
export type Role = (typeof ROLES)[number]

/** A caller that acts for a fleet. A member whose role is null may do nothing. */
export type Member = { readonly fleetId: string; readonly role: FleetRole | null }

export const hasRole = ({ role }: Member, needed: FleetRole): boolean =>
  role !== null && FLEET_ROLES.indexOf(role) >= FLEET_ROLES.indexOf(needed)

/**
 * A fleet under the id that the platform's admin chose.
 * @param id 1 to 64 of A-Z, a-z, 0-9, "_" and "-", so that it fits into a token's claim and a URL
 * @throws InputError at [id] or [name]
 */
export function newFleet(id: string, name: string): Fleet {
  if (!/^[\w-]{1,64}$/.test(id)) throw new InputError(['id'], 'id takes 1 to 64 of A-Z, a-z, 0-9, "_" and "-".')
  if (name === '') throw new InputError(['name'], 'name must not be empty.')
  return { id, name: checkText(name, ['name']) }
}

/**
 * The two fleets of a partnership in ascending order of their ids, so that each pair is stored once.
 * @throws InputError at [fleetIds] unless there are exactly two different ones
 */
export function partnersOf(fleetIds: readonly string[]): readonly [string, string] {
  const [a, b] = fleetIds
  if (fleetIds.length !== 2 || a === undefined || b === undefined || a === b) {
    throw new InputError(['fleetIds'], 'fleetIds takes exactly two different fleets.')
  }
  return a < b ? [a, b] : [b, a]
}
