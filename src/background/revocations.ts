import type { Client } from '../data/client.ts'
import { isRevoked } from '../domain/access/viewer.ts'
import type { Claims, Revocation } from '../domain/access/viewer.ts'

/** The revocations that this instance knows: all that are older than a second. */
export type Revocations = {
  readonly has: (claims: Claims) => boolean
  readonly stop: () => void
}

const QUERY_EVERY_MS = 1_000

/**
 * @param onChange is called when more tokens have been revoked, here or by another instance
 * @param onError is called for each query that failed: until one succeeds the last result holds
 */
export async function watchRevocations(
  prisma: Client,
  onChange: () => void,
  onError: (error: unknown) => void,
): Promise<Revocations> {
  let known = new Map<string | null, Revocation[]>()
  let version = ''
  const query = async () => {
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
  await query()
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  const queryAgain = () => {
    timer = setTimeout(() => {
      void query()
        .catch(onError)
        .finally(() => stopped || queryAgain())
    }, QUERY_EVERY_MS).unref()
  }
  queryAgain()
  return {
    has: (claims) => isRevoked(claims, known.get(claims.fleetId) ?? []),
    stop: () => {
      stopped = true
      clearTimeout(timer)
    },
  }
}
