/**
 * This folder, the domain: fleets, vehicles, sharings, commands and time, as pure functions of their arguments. It imports its
 * own files only, reads no clock and knows neither SQL nor GraphQL. access/ decides on rights, log/ says what is recorded;
 * both build on the files of this folder, which import neither.
 */

import { briefly } from './message.ts'
import type { Instant } from './period.ts'

/** The code of every expected failure, with the default message, which also describes the code in the schema. */
export const ERROR_CODES = {
  VEHICLE_NOT_FOUND: 'No such vehicle, or none that the viewer may see: the two look alike.',
  FLEET_NOT_FOUND: 'No such fleet.',
  SHARING_NOT_FOUND: 'No such sharing, or none that the viewer is a party to.',
  COMMAND_NOT_FOUND: 'No such command, or none that the viewer may see.',
  ROLE_NOT_SUFFICIENT: "The token's roles do not allow this.",
  SHARED_WITH_PARTNER: 'The vehicle is shared with a partner, which now controls it.',
  NOT_OWNER: 'A partner may read the vehicle, command it and end the sharing, and nothing else.',
  COMMAND_NOT_ALLOWED_BY_SHARING: 'The sharing does not cover this command.',
  COMMAND_NOT_SUPPORTED: 'The vehicle does not support this command.',
  NOT_A_PARTNER: 'The other fleet is not a registered partner.',
  ALREADY_SHARED: 'The vehicle is already shared in some part of that period.',
  NOT_SHARED: 'The vehicle is not shared, or that sharing is over.',
  INVALID_PERIOD: 'The period is empty, ends in the past or starts in the past.',
  IDEMPOTENCY_KEY_REUSED: 'The same idempotency key was used with another input.',
  INVALID_INPUT: "A value that the schema's types cannot rule out.",
  CONFLICT:
    'Another fleet has this id or name; or the outcome of this command was reported otherwise, came after its deadline ' +
    "or was not asked for; or, of a report, the vehicle's records contradict each other, and nothing was recorded.",
} as const

export type ErrorCode = keyof typeof ERROR_CODES

/** An expected failure. The domain's functions throw it; the API returns it as a value, with this code and message. */
export abstract class UserError extends Error {
  readonly code: ErrorCode
  /** The instant of the decision that it is the answer to, at which what it shows holds; null where there was none. */
  at: Instant | null = null

  constructor(code: ErrorCode, message: string = ERROR_CODES[code]) {
    super(briefly(message))
    this.code = code
  }
}

/** A failure that concerns the request as a whole, not one field of its input. */
export class RequestError extends UserError {}

/** A value in the mutation's input that is not allowed. `path` leads to its field, such as ['position', 'latitude']. */
export class InputError extends UserError {
  readonly path: readonly string[]

  constructor(path: readonly string[], message: string, code: 'INVALID_INPUT' | 'INVALID_PERIOD' = 'INVALID_INPUT') {
    super(code, message)
    this.path = path
  }
}
