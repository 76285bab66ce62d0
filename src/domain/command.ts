/** What a vehicle can be told to do, in the order in which lists show them. */
export const COMMAND_TYPES = [
  'REQUEST_VEHICLE_STATE',
  'ENABLE_DRIVING',
  'DISABLE_DRIVING',
  'UNLOCK_CENTRAL_LOCK',
  'LOCK_CENTRAL_LOCK',
  'UNLOCK_AND_ENABLE_DRIVING',
  'LOCK_AND_DISABLE_DRIVING',
  'UNLOCK_TOP_CASE',
  'LOCK_TOP_CASE',
  'UNLOCK_BATTERY_COMPARTMENT',
  'DRAW_ATTENTION',
] as const

export type CommandType = (typeof COMMAND_TYPES)[number]

/** The same set once more, each command once and in the standard order. */
export const normalised = (types: readonly CommandType[]): CommandType[] =>
  COMMAND_TYPES.filter((type) => types.includes(type))
