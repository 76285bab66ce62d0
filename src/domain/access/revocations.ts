import type { Instant } from '../period.ts'
import type { Claims } from './viewer.ts'

/**
 * Revokes all tokens issued up to and including `until` to a fleet (null: without a fleet) and a subject (null: to
 * any).
 */
export type Revocation = { readonly fleetId: string | null; readonly subject: string | null; readonly until: Instant }

/** Revocations, however many, for a look-up of two steps for each request. */
export type RevocationIndex = {
  readonly add: (revocation: Revocation) => void
  /** A token without the time of its issue counts as older than every revocation. */
  readonly isRevoked: (claims: Pick<Claims, 'fleetId' | 'subject' | 'issuedAt'>) => boolean
}

type OfFleet = { all: Instant; readonly bySubject: Map<string, Instant> }

export function createRevocationIndex(): RevocationIndex {
  const fleets = new Map<string | null, OfFleet>()
  return {
    add({ fleetId, subject, until }) {
      const fleet = fleets.get(fleetId) ?? { all: -Infinity, bySubject: new Map<string, Instant>() }
      fleets.set(fleetId, fleet)
      if (subject === null) fleet.all = Math.max(fleet.all, until)
      else fleet.bySubject.set(subject, Math.max(fleet.bySubject.get(subject) ?? -Infinity, until))
    },
    isRevoked({ fleetId, subject, issuedAt }) {
      const fleet = fleets.get(fleetId)
      if (!fleet) return false
      const own = subject === null ? -Infinity : (fleet.bySubject.get(subject) ?? -Infinity)
      return (issuedAt ?? 0) <= Math.max(fleet.all, own)
    },
  }
}
