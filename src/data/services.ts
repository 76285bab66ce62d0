import type { PrismaClient } from '../generated/prisma/client.ts'
import { startClock } from './database/clock.ts'
import type { Clock } from './database/clock.ts'
import type { Connection } from './database/open.ts'
import type { Query, Sql } from './database/statement.ts'
import { createRefusalTrail } from './decisions/audit.ts'
import type { RefusalTrail } from './decisions/audit.ts'
import type { ContradictionError, Contradictions } from './decisions/redecide.ts'
import { createSnapshots } from './decisions/snapshot.ts'
import type { Snapshots } from './decisions/snapshot.ts'
import { createWriteCounters } from './decisions/write-counters.ts'
import type { WriteCounters } from './decisions/write-counters.ts'
import { createLog } from './log/log.ts'
import type { Log } from './log/log.ts'
import { sharedSecret } from './queries/secrets.ts'
import { createOpenVehicles } from './queries/open-vehicles.ts'
import type { OpenVehicles } from './queries/open-vehicles.ts'

/** The services that queries and decisions work with: one set for each instance, behind the client of client.ts. */
export type Services = {
  /** Without the methods of client.ts. */
  readonly prisma: PrismaClient
  /** Prepared statements, past Prisma: for what is read and decided most often. */
  readonly query: Query
  readonly transaction: Sql['transaction']
  readonly clock: Clock
  readonly log: Log
  readonly openVehicles: OpenVehicles
  readonly snapshots: Snapshots
  readonly counters: WriteCounters
  /** Vehicles whose records contradict each other, as they are met. */
  readonly contradictions: Contradictions
  readonly refusalTrail: RefusalTrail
}

/**
 * @param onContradiction is called as often as a vehicle is met whose records contradict each other
 * @returns the services, and what ends those that run in the background
 */
export async function createServices(
  connection: Connection,
  onContradiction: (error: ContradictionError) => void = () => {},
): Promise<Services & { readonly stop: () => void }> {
  const { prisma, query, transaction, notifications } = connection
  const clock = await startClock(prisma)
  const log = createLog(query, await sharedSecret(prisma, 'cursor', 16), notifications.notify)
  notifications.onNotification(log.wake)
  return {
    prisma,
    query,
    transaction,
    clock,
    log,
    openVehicles: createOpenVehicles(query),
    snapshots: createSnapshots(query),
    counters: createWriteCounters(),
    contradictions: { met: 0, tell: onContradiction },
    refusalTrail: createRefusalTrail(query),
    stop: clock.stop,
  }
}
