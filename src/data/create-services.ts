import { hedged } from '../async/hedged.ts'
import { createKeyedLimit } from './database/limit.ts'
import { LOCK_TIMEOUT_MS } from './database/lock-timeout.ts'
import type { Query } from './database/statement.ts'
import { ownClock, startClock } from './database/clock.ts'
import type { Connection } from './connection/open.ts'
import { createRefusalTrail } from './decisions/audit.ts'
import { createOptimisticCommits } from './decisions/commit-together.ts'
import { createSnapshots } from './decisions/snapshot.ts'
import { createWriteCounters } from './decisions/write-counters.ts'
import { createLog } from './log/log.ts'
import { openTimelines } from './log/timelines.ts'
import { createOpenVehicles } from './queries/open-vehicles.ts'
import { sharedSecret } from './queries/secrets.ts'
import { createWaitForWriters } from './queries/wait-for-writers.ts'
import type { Services, Timeline } from './services.ts'
import type { StandbyConnection } from './standby/connect.ts'
import { startStandby } from './standby/standby.ts'

/** An answer of the log takes milliseconds, unless the session that is asked has stalled. Milliseconds. */
const HEDGED_AFTER_MS = 500

const VEHICLE_LIMIT = { most: 2, waiting: 100, waitMs: LOCK_TIMEOUT_MS, reason: 'the vehicle is in use by others' }

/**
 * @param onContradiction is called as often as a vehicle is met whose records contradict each other
 * @param onSetBack is called once for each time that the log is found set back
 * @param replica connections to a standby; null for none
 * @returns the services, and what ends those that run in the background
 */
export async function createServices(
  connection: Connection,
  onContradiction: (error: Error) => void = () => {},
  onSetBack: (timeline: Timeline) => void = () => {},
  replica: { readonly connection: StandbyConnection; readonly onFailure: (error: unknown) => void } | null = null,
): Promise<Services & { readonly stop: () => void }> {
  const { prisma, query, transaction, notifications } = connection
  const hedgedQuery: Query = connection.pool
    ? (statement, values) => hedged(() => query(statement, values), HEDGED_AFTER_MS)
    : query
  const clock = connection.readClock ? await startClock(connection.readClock) : ownClock()
  const timelines = await openTimelines(query, onSetBack)
  const log = createLog(hedgedQuery, await sharedSecret(prisma, 'cursor', 16), timelines, notifications.notify)
  notifications.onNotification(log.wake)
  const waitForWriters = createWaitForWriters(query)
  const standby = replica && startStandby({ ...replica, query, log })
  return {
    prisma,
    query,
    hedgedQuery,
    transaction,
    vehicleLimit: createKeyedLimit(VEHICLE_LIMIT),
    clock,
    log,
    partitions: { bounds: [] },
    standby,
    openVehicles: createOpenVehicles(query, waitForWriters),
    waitForWriters,
    ping: connection.ping,
    snapshots: createSnapshots(query),
    commitOptimistic: createOptimisticCommits(query),
    counters: createWriteCounters(),
    contradictions: { met: 0, tell: onContradiction },
    unsettled: { met: 0 },
    refusalTrail: createRefusalTrail(query),
    stop: () => {
      standby?.stop()
      clock.stop()
    },
  }
}
