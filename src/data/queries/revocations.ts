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
  return row.until.getTime()
}
