import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createRevocationIndex } from '../../../src/domain/access/revocations.ts'

const fleet = fc.constantFrom(null, 'a', 'b')
const subject = fc.constantFrom(null, 'Ann', 'Bob')
const revocation = fc.record({ fleetId: fleet, subject, until: fc.integer({ min: 0, max: 5 }) })
const claims = fc.record({ fleetId: fleet, subject, issuedAt: fc.option(fc.integer({ min: 0, max: 6 })) })

it('a token is revoked if any revocation of its fleet, and of all subjects or its own, is not older', () => {
  fc.assert(
    fc.property(fc.array(revocation), claims, (revocations, token) => {
      const index = createRevocationIndex()
      for (const one of revocations) index.add(one)
      const isRevoked = revocations.some(
        (one) =>
          one.fleetId === token.fleetId &&
          (one.subject === null || one.subject === token.subject) &&
          (token.issuedAt ?? 0) <= one.until,
      )
      expect(index.isRevoked(token)).toBe(isRevoked)
    }),
  )
})
