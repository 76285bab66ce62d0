/** The fleets that are looked at, in the order of their columns. */
export type Sides = readonly (string | null)[]

/** A fleet has one colour in both columns; fleets that nobody looks at share a third. */
export const sideOf = (sides: Sides, fleetId: string): string => {
  const at = sides.indexOf(fleetId)
  return at === 0 ? 'a' : at === 1 ? 'b' : 'other'
}
