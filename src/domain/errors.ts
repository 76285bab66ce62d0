import type { Sharing } from './sharing.ts'

/** Every expected failure, as clients see it; `contract.graphql` says when each applies. */
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

/** An expected failure: a value in the schema, told apart by `code`. Thrown by the domain's verbs. */
export abstract class UserError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string = ERROR_CODES[code]) {
    super(message)
    this.code = code
  }
}

export class RequestError extends UserError {}

/** `path` names the field inside the mutation's input. */
export class InputError extends UserError {
  readonly path: readonly string[]

  constructor(path: readonly string[], message: string, code: 'INVALID_INPUT' | 'INVALID_PERIOD' = 'INVALID_INPUT') {
    super(code, message)
    this.path = path
  }
}

/** `conflict` is the sharing that stands in the way, only where the viewer is a party to it. */
export class SharingConflictError extends UserError {
  readonly conflict: Sharing | null

  constructor(code: 'ALREADY_SHARED' | 'SHARED_WITH_PARTNER', conflict: Sharing | null) {
    super(code)
    this.conflict = conflict
  }
}

/** Why something is refused, as a value: permissions ask for many of these and throw none. */
export type Refusal = { readonly code: ErrorCode; readonly conflict?: Sharing }

/** The error that a mutation answers with. */
export function errorOf({ code, conflict }: Refusal): UserError {
  if (code === 'ALREADY_SHARED' || code === 'SHARED_WITH_PARTNER') {
    return new SharingConflictError(code, conflict ?? null)
  }
  return new RequestError(code)
}
