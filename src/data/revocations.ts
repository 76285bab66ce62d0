import { isRevoked } from '../domain/viewer.ts'
import type { Claims, Revocation } from '../domain/viewer.ts'
import { RequestError } from '../domain/errors.ts'
import { checkText } from '../domain/text.ts'
import type { Instant } from '../domain/period.ts'
import type { Database } from './client.ts'
import { isId } from './rows.ts'
import { toInstant } from './sql.ts'

/** Which tokens have been revoked, as far as this instance knows: all that was said a second ago. */
export type Revocations = {
  readonly has: (claims: Claims) => boolean
  readonly stop: () => void
}

const LOOK_EVERY_MS = 1_000

/**
 * @param onChange is called when more tokens have been revoked, here or by another instance
 * @param onError is told of each look that failed: until one succeeds what was known holds
 */
export async function watchRevocations(
  db: Database,
  onChange: () => void,
  onError: (error: unknown) => void,
): Promise<Revocations> {
  let known = new Map<string | null, Revocation[]>()
  let version = ''
  const look = async () => {
    const stored = await db.prisma.revocation.findMany({ orderBy: { id: 'asc' } })
    const rows = stored.map((row) => ({ ...row, until: toInstant(row.until) }))
    const latest = rows.map(({ id, until }) => `${id}:${until}`).join()
    if (latest === version) return
    version = latest
    known = Map.groupBy(
      rows.map(({ fleetId, subject, until }) => ({ fleetId, subject, until })),
      ({ fleetId }) => fleetId,
    )
    onChange()
  }
  await look()
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  const lookAgain = () => {
    timer = setTimeout(() => {
      void look()
        .catch(onError)
        .finally(() => stopped || lookAgain())
    }, LOOK_EVERY_MS).unref()
  }
  lookAgain()
  return {
    has: (claims) => isRevoked(claims, known.get(claims.fleetId) ?? []),
    stop: () => {
      stopped = true
      clearTimeout(timer)
    },
  }
}

/**
 * From now on no instance trusts the tokens that a fleet (null: none) has been issued until now; only those of `subject`,
 * if one is given.
 * @returns until when, by the database's clock @throws InputError; RequestError FLEET_NOT_FOUND
 */
export async function revokeTokens(
  { prisma }: Database,
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
  return toInstant(row.until)
}
