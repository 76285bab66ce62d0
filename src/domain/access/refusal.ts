import { RequestError, UserError } from '../errors.ts'
import type { ErrorCode } from '../errors.ts'
import type { Sharing } from '../sharing.ts'

/**
 * This folder: whom a token speaks for (viewer.ts), what that viewer may do with a vehicle (access.ts), and the reasons
 * against it (here). The same functions guard the mutations and answer `viewerCan`.
 */

/**
 * The reason against an action, as a value: `viewerCan` asks for many of them. `conflict` is the sharing in the way.
 */
export type Refusal = { readonly code: ErrorCode; readonly conflict?: Sharing }

/** Another sharing is in the way. `conflict` is that sharing if the viewer's fleet is a party to it, else null. */
export class SharingConflictError extends UserError {
  readonly conflict: Sharing | null

  constructor(code: 'ALREADY_SHARED' | 'SHARED_WITH_PARTNER', conflict: Sharing | null) {
    super(code)
    this.conflict = conflict
  }
}

/** @returns the error that a mutation answers with for this reason */
export function errorOf({ code, conflict }: Refusal): UserError {
  if (code === 'ALREADY_SHARED' || code === 'SHARED_WITH_PARTNER') {
    return new SharingConflictError(code, conflict ?? null)
  }
  return new RequestError(code)
}
