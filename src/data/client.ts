import { pruneAudit, readTrail } from './decisions/audit.ts'
import { claim, isPending, pendingCommands, reportOutcome, send } from './verbs/commands.ts'
import { nextDue, nonePausing, settleDue } from './verbs/due.ts'
import { createFleet, endPartnership, registerPartnership } from './verbs/fleets.ts'
import { forgetKeys } from './decisions/idempotency.ts'
import { recordReports } from './verbs/reports.ts'
import { end, start, updateEnd } from './verbs/sharings.ts'
import { setIdleMaxSilence } from './verbs/settings.ts'
import { create, remove, setUse, update } from './verbs/vehicles.ts'
import { checkPlace } from './log/place.ts'
import { growLog, pruneLog, pruneReadings } from './log/partitions.ts'
import { readFleetLog, readHistory, readLog } from './log/read.ts'
import { listCommands } from './queries/history/commands.ts'
import { countVehicles, findVehicles } from './queries/search/find-vehicles.ts'
import { listSharings } from './queries/history/sharings.ts'
import { listFleets, listPartners, listVehicles } from './queries/lists.ts'
import { createLoaders } from './queries/loaders.ts'
import { forgetRevocations, revokeTokens } from './queries/revocations.ts'
import type { Services } from './services.ts'

/**
 * This folder: the only one that imports Prisma or the PostgreSQL driver. The types of its services are in services.ts,
 * create-services.ts makes them, and this file has the client that the rest of the server knows.
 */

/** The functions of the data layer without the services that they are given here. */
type Bound<F> = F extends (services: Services, ...args: infer A) => infer R ? (...args: A) => R : never

/**
 * The one door to the data: Prisma's client with methods on its models for this server's operations. Resolvers and background loops
 * know it, and nothing behind it. The models' own methods (findMany, create, ...) are there, too; docs/architecture.md says
 * which methods are prepared statements instead, and why.
 */
export function createClient(services: Services) {
  const { clock, log, openVehicles } = services
  const bind = <F extends (services: Services, ...args: never[]) => unknown>(run: F) =>
    ((...args: never[]) => run(services, ...args)) as Bound<F>
  return services.prisma.$extends({
    name: 'fleetshare',
    client: {
      /** The database's clock: milliseconds since 1970. */
      $now: () => clock.now(),
      /** An instant that the database has reached. */
      $observe: (at: number) => clock.observe(at),
      /** The batched reads of one operation, with one fleet's rights, as of one instant. */
      $loaders: bind(createLoaders),
      /** One cheap round trip. @throws when the database cannot be reached, or not be written to */
      $ping: () => services.ping(),
    },
    model: {
      fleet: {
        register: bind(createFleet),
        page: bind(listFleets),
        partners: bind(listPartners),
        known: openVehicles.fleet,
        exists: async (id: string) => (await openVehicles.fleet(id)) !== null,
      },
      partnership: { register: bind(registerPartnership), end: bind(endPartnership) },
      vehicle: {
        page: bind(listVehicles),
        /** The same in any order, and searched. */
        find: bind(findVehicles),
        total: bind(countVehicles),
        register: bind(create),
        edit: bind(update),
        remove: bind(remove),
        setUse: bind(setUse),
        report: bind(recordReports),
        /** A function that settles what fell due; it leaves a vehicle for which that fails alone for a while. */
        dueSettler: (onError: (error: unknown) => void) => {
          const pausing = nonePausing()
          return () => settleDue(services, pausing, onError)
        },
        nextDue: bind(nextDue),
      },
      sharing: { page: bind(listSharings), start: bind(start), moveEnd: bind(updateEnd), end: bind(end) },
      command: {
        page: bind(listCommands),
        send: bind(send),
        claim: bind(claim),
        pending: bind(pendingCommands),
        isPending: bind(isPending),
        reportOutcome: bind(reportOutcome),
      },
      event: {
        horizon: log.horizon,
        /** All fleets' events in a range of positions. */
        range: bind(readLog),
        /** One fleet's events in a range of positions. */
        ofFleet: bind(readFleetLog),
        history: bind(readHistory),
        checkPlace: bind(checkPlace),
        /** Adds events that were handed out before a horizon covered them. */
        addSeen: log.addSeen,
        remember: log.remember,
        /** Adds partitions to the log, ahead of its writers. */
        grow: bind(growLog),
        prune: bind(pruneLog),
        pruneReadings: bind(pruneReadings),
        follow: log.follow,
        idOf: log.idOf,
        cursorOf: log.cursorOf,
        place: log.cursors.openEvent,
        cursor: log.cursors.seal,
        position: log.cursors.open,
      },
      audit: { page: bind(readTrail), prune: bind(pruneAudit) },
      setting: { setIdleMaxSilence: bind(setIdleMaxSilence) },
      revocation: { revoke: bind(revokeTokens), forget: bind(forgetRevocations) },
      idempotencyKey: { forget: bind(forgetKeys) },
    },
  })
}

export type Client = ReturnType<typeof createClient>
