import type { Client } from '../data/client.ts'
import { isRevoked } from '../domain/access/viewer.ts'
import type { Claims, Revocation } from '../domain/access/viewer.ts'

/** Which tokens have been revoked, as far as this instance knows: all that was said a second ago. */
export type Revocations = {
  readonly has: (claims: Claims) => boolean
  readonly stop: () => void
}

const LOOK_EVERY_MS = 1_000

/** @param onChange is called when more tokens have been revoked, here or by another instance */
export async function watchRevocations(prisma: Client, onChange: () => void): Promise<Revocations> {
  let known = new Map<string | null, Revocation[]>()
  let version = ''
  const look = async () => {
    const rows = await prisma.revocation.findMany({ orderBy: { id: 'asc' } })
    const latest = rows.map(({ id, until }) => `${id}:${until.getTime()}`).join()
    if (latest === version) return
    version = latest
    known = Map.groupBy(
      rows.map(({ fleetId, subject, until }) => ({ fleetId, subject, until: until.getTime() })),
      ({ fleetId }) => fleetId,
    )
    onChange()
  }
  await look()
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  const lookAgain = () => {
    timer = setTimeout(() => {
      // While the database is away nothing is revoked, and nothing is answered.
      void look()
        .catch(() => {})
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
