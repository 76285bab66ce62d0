import { RequestError } from '../../domain/errors.ts'
import { checkText } from '../../domain/text.ts'
import type { Instant } from '../../domain/period.ts'
import type { Services } from '../services.ts'
import { isId } from '../tables/ids.ts'

/**
 * Revokes, on all instances, the tokens of a fleet (null: those without a fleet) that were issued until now, or only those of
 * `subject`.
 * @returns that instant, by the database's clock
 * @throws InputError; RequestError FLEET_NOT_FOUND
 */
export async function revokeTokens(
  { prisma }: Services,
  fleetId: string | null,
  subject: string | null,
): Promise<Instant> {
  if (subject !== null) checkText(subject, ['subject'])
  if (fleetId !== null && (!isId(fleetId) || (await prisma.fleet.count({ where: { id: fleetId } })) === 0)) {
    throw new RequestError('FLEET_NOT_FOUND')
  }
  const [row] = await prisma.$queryRaw<[{ until: Date }]>`
    INSERT INTO revocation (fleet_id, subject, until) VALUES (${fleetId}, ${subject}, clock_timestamp())
    ON CONFLICT (fleet_id, subject) DO UPDATE SET until = GREATEST(revocation.until, EXCLUDED.until)
    RETURNING until`
  // Those of single subjects say no more than this one.
  if (subject === null) {
    await prisma.revocation.deleteMany({ where: { fleetId, subject: { not: null }, until: { lte: row.until } } })
  }
  return row.until.getTime()
}

/** The most by which another instance's clock may be behind. Milliseconds. */
const SKEW_MS = 60 * 60 * 1_000

/** Removes revocations of tokens that have all ended by now. @param maxAgeMs how long any token is trusted */
export async function forgetRevocations({ prisma, clock }: Services, maxAgeMs: number): Promise<void> {
  await prisma.revocation.deleteMany({ where: { until: { lt: new Date(clock.now() - maxAgeMs - SKEW_MS) } } })
}
