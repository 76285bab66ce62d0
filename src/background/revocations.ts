import type { Client } from '../data/client.ts'
import { createRevocationIndex } from '../domain/access/revocations.ts'
import type { Claims } from '../domain/access/viewer.ts'

/** Which tokens have been revoked, as far as this instance knows: all that was said a second ago. */
export type Revocations = {
  readonly has: (claims: Claims) => boolean
  readonly stop: () => void
}

const LOOK_EVERY_MS = 1_000
/** As often all are read, so that those that are gone from the table are forgotten here, too. */
const READ_ALL_EVERY_MS = 60 * 60 * 1_000

/**
 * Reads what is new in the order of versions. The last one that is known is read with it: where it is not there any more, all
 * are read, for the database may have been set back, and its versions been given again.
 * @param onChange is called when more tokens have been revoked, here or by another instance
 * @param onError is called for each look that failed: until one succeeds the last answer holds
 */
export async function watchRevocations(
  prisma: Client,
  onChange: () => void,
  onError: (error: unknown) => void,
): Promise<Revocations> {
  let index = createRevocationIndex()
  let last = ''
  let version = 0n
  let allReadAt = -Infinity

  async function look(): Promise<void> {
    const isForAll = version === 0n || performance.now() - allReadAt >= READ_ALL_EVERY_MS
    const rows = await prisma.revocation.findMany({
      where: { version: { gte: isForAll ? 0n : version } },
      orderBy: { version: 'asc' },
    })
    if (!isForAll && (!rows[0] || nameOf(rows[0]) !== last)) {
      version = 0n
      return look()
    }
    if (isForAll) {
      index = createRevocationIndex()
      allReadAt = performance.now()
    }
    for (const { fleetId, subject, until } of rows) index.add({ fleetId, subject, until: until.getTime() })
    const newest = rows.at(-1)
    const before = last
    version = newest?.version ?? 0n
    last = newest ? nameOf(newest) : ''
    if (last !== before) onChange()
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
    has: (claims) => index.isRevoked(claims),
    stop: () => {
      stopped = true
      clearTimeout(timer)
    },
  }
}

/** Of all that were ever made, at any time of the database. */
const nameOf = ({
  id,
  version,
  until,
}: {
  readonly id: bigint
  readonly version: bigint
  readonly until: Date
}): string => `${id}:${version}:${until.getTime()}`
