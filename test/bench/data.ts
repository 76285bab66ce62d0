/**
 * The world of a benchmark, the same for all systems: vehicles by number, owned round robin, every third one shared now.
 * What is said here in TypeScript is said once more in the SQL that fills the database.
 */
/** The events beside those of the sharings. */
export type Size = { readonly vehicles: number; readonly events: number }

export type World = Size & {
  /** What seals the cursors of its log, in base64; null until a server has made it. */
  readonly cursorKey: string | null
}

export const FLEETS = 20

export const fleetId = (fleet: number): string => `F${String(fleet).padStart(2, '0')}`

/** Ids are not in the order of creation, as those of the server are not: multiplying by a primitive root permutes. */
export const vehicleId = (number: number): string => `V${String((number * 48271) % 2147483647).padStart(10, '0')}`

export const ownerOf = (number: number): number => number % FLEETS

/** null while it is not shared. */
export const partnerOf = (number: number): number | null =>
  number % 3 === 0 ? (ownerOf(number) + 1 + (Math.floor(number / FLEETS) % (FLEETS - 1))) % FLEETS : null

/** The ids of what a fleet sees, in the order of its list. */
export function visibleTo(fleet: number, { vehicles }: World): string[] {
  const ids: string[] = []
  for (let number = 1; number <= vehicles; number++) {
    if (ownerOf(number) === fleet || partnerOf(number) === fleet) ids.push(vehicleId(number))
  }
  return ids.toSorted()
}

/** The id of the vehicle with the number n, its owner and its partner, if it is shared now. */
export const VEHICLE_SQL = `'V' || lpad((n * 48271 % 2147483647)::text, 10, '0') AS id, 'F' || lpad((n % ${FLEETS})::text, 2, '0') AS owner,
    CASE WHEN n % 3 = 0
      THEN 'F' || lpad(((n % ${FLEETS} + 1 + n / ${FLEETS} % ${FLEETS - 1}) % ${FLEETS})::text, 2, '0') END AS partner`
