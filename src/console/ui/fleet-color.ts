/**
 * This folder: small components and formats that know no fleet's data. Nothing here loads or changes anything.
 */

/** The ids of the fleets that the columns show, in the order of the columns; null where there is none yet. */
export type ColumnFleets = readonly (string | null)[]

/** A fleet has the colour of its own column everywhere; all fleets without a column share a third one. */
export const colorOf = (columnFleets: ColumnFleets, fleetId: string): 'a' | 'b' | 'other' => {
  const index = columnFleets.indexOf(fleetId)
  return index === 0 ? 'a' : index === 1 ? 'b' : 'other'
}
