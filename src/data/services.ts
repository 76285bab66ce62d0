import type { Actor, AuditRecord } from '../domain/log/audit.ts'
import type { Command, CommandStatus } from '../domain/command.ts'
import type { Fleet } from '../domain/fleet.ts'
import type { LoggedEvent, Moment, NewEvent, VehicleEventType } from '../domain/log/event.ts'
import type { Instant } from '../domain/period.ts'
import type { Sharing } from '../domain/sharing.ts'
import type { Vehicle, VehicleUse } from '../domain/vehicle.ts'
import type { PrismaClient } from '../generated/prisma/client.ts'
import type { Clock } from './database/clock.ts'
import type { Query, Sql } from './database/statement.ts'

/**
 * The services of the data layer, as types: the subfolders make them, create-services.ts puts them together, and client.ts
 * hands them to each method.
 */

/** The services that queries and decisions work with: one set for each instance, behind the client of client.ts. */
export type Services = {
  /** Without the methods of client.ts. */
  readonly prisma: PrismaClient
  /** Prepared statements, past Prisma: for what is read and decided most often. */
  readonly query: Query
  /** The same, sent again on another connection where the first has not answered for a while. For few rows, read often. */
  readonly hedgedQuery: Query
  readonly transaction: Sql['transaction']
  /** Decisions on a vehicle that may be under way: each of them may hold a connection and wait for the vehicle's lock. */
  readonly vehicleLimit: <T>(vehicleId: string, work: () => Promise<T>) => Promise<T>
  readonly clock: Clock
  /** One cheap round trip. @throws when the database cannot be reached, or not be written to */
  readonly ping: () => Promise<void>
  readonly log: Log
  /** Where the log is divided, as it was last looked at; read part by part, a page costs less. */
  readonly partitions: { bounds: readonly number[] }
  /** null: all is read from the primary. */
  readonly standby: Standby | null
  readonly openVehicles: OpenVehicles
  readonly waitForWriters: WaitForWriters
  readonly snapshots: ReadSnapshot
  readonly commitOptimistic: CommitOptimistic
  readonly counters: WriteCounters
  /** Vehicles whose records contradict each other, as they are met. */
  readonly contradictions: Contradictions
  /** Attempts at recording what fell due for a vehicle that failed, since this instance started. */
  readonly unsettled: { met: number }
  readonly refusalTrail: RefusalTrail
}

/**
 * A part of the log that no commit will change any more: positions up to `settled`, of those `drawn` until then. `end` is the
 * position of the last event of that part; where there is none it is `settled`.
 */
export type Horizon = { readonly settled: number; readonly drawn: number; readonly end: number }

/** An event that was in the log: its position may have been given to another since. */
export type Anchor = { readonly position: number; readonly tag: number }

/** The content of a cursor: the event that it stands behind, and an epoch of the log. `tag` is null in cursors without one. */
export type Place = { readonly position: number; readonly tag: number | null; readonly epoch: number }

/**
 * Timelines of the log: one from its beginning, and one more for each time that it was found set back to an earlier point, by
 * whichever instance found it first. docs/architecture.md has the whole of it.
 */
export type Timelines = {
  /** How often the log was found set back, as far as this instance knows. */
  readonly number: () => number
  /** The epoch that a cursor of an event carries: of the last timeline that began before the event. */
  readonly epochOf: (position: number) => number
  /** Whether instances may run at the same time that read only cursors without a tag. */
  readonly isUpgrading: () => boolean
  /** Reads what other instances have found. */
  readonly refresh: () => Promise<void>
  /**
   * Begins a timeline, unless another instance has begun one that this one does not know yet.
   * @param keptTo up to where the log is known to be that of the timelines before; null where nothing is known
   * @param lost a position that is known to be lost; null for none
   */
  readonly begin: (keptTo: number | null, lost: number | null) => Promise<void>
  /** The knowledge of a cursor's event that is not in the log any more, or of an event without a tag. */
  readonly origin: (place: Place) => Promise<Origin>
}

export type Origin = {
  /** Whether it was removed for its age, if it ever was in this log. */
  readonly isRemoved: boolean
  /** Whether it was lost with a timeline that ended, or may have been. */
  readonly isBehindSplit: boolean
}

export type Timeline = {
  readonly number: number
  readonly epoch: number
  /** Positions up to there are known to be those of the timelines before. */
  readonly keptTo: number
  readonly beginsAfter: number
}

/** Follows the log on this instance. */
export type Follower = {
  readonly isFollowing: () => boolean
  /** Takes what this instance has committed, in the order of the log or not; all of it or some. */
  readonly append: (events: readonly LoggedEvent[]) => void
  /** Takes the hint that another instance has appended events; the hint may be false or missing. */
  readonly wake: () => void
  /** Events in memory. */
  readonly anchors: () => readonly Anchor[]
  /** To be called when the log was set back: behind that position it has other events than before. */
  readonly rewind: (position: number) => void
}

/** The log as this instance knows it. */
export type Log = {
  readonly cursors: Cursors
  /** The id of an event: the same for ever, and of no other event. */
  readonly idOf: (event: Anchor) => string
  readonly cursorOf: (event: Anchor) => string
  /**
   * Up to where the log can be read now; callers at the same time share one statement. Where the log was set back, this
   * finds it: once it is answered, followers have been rewound.
   */
  readonly horizon: () => Promise<Horizon>
  /** The last event that this instance has seen settled; null before the first. Reads see whether it is still there. */
  readonly known: () => Anchor | null
  /** Adds settled events that were seen, oldest first; the next horizon looks whether they are still in the log. */
  readonly addSeen: (events: readonly Anchor[]) => void
  /** To be called when events begin to be followed, so that a split ahead of them is found exactly. */
  readonly remember: () => Promise<void>
  /** How often this instance found the log set back. */
  readonly rewinds: () => number
  readonly origin: Timelines['origin']
  /** Begins a timeline for a cursor whose event is gone, which no known split explains: the log was set back unnoticed. */
  readonly reportLost: (place: Place) => Promise<void>
  /** How often the log was found set back, by any instance. */
  readonly timeline: () => number
  /** To be called after each commit that appended to the log, with what is known of it. */
  readonly appended: (events: readonly LoggedEvent[]) => void
  /** Whether appended() makes use of the events. */
  readonly isFollowed: () => boolean
  readonly follow: (follower: Follower) => void
}

/** Reads from a standby, which lags behind and goes away as it likes: the primary serves what it does not. */
export type Standby = {
  /**
   * @param work reads from the log, of which the standby has all up to the event `known`; every row may fail the read, and each
   *   statement has to return at least one. null where the answer is not good for anything
   * @returns null where the primary has to be asked
   */
  readonly read: <T>(work: (query: Query, known: Anchor) => Promise<T | null>) => Promise<T | null>
  /** How many reads each of the two had to serve since this instance started. */
  readonly reads: Readonly<Record<'standby' | 'primary', number>>
}

/** Lists with sealed positions; a cursor of one is none of the other. */
export type SealedList = 'log' | 'trail'

/**
 * Positions in the log and in the audit trail as clients hold them. They count what all fleets do, so a plain number would
 * tell each fleet how busy the others are; sealed as one AES block it tells nothing, sorts nothing and cannot be made up.
 * Equal positions give equal cursors, on every instance.
 */
export type Cursors = {
  readonly seal: (position: number, list?: SealedList) => string
  /** null for anything that seal() did not make. */
  readonly open: (cursor: string, list?: SealedList) => number | null
  /** The cursor of an event in the log, with its tag and an epoch; without both it is that of seal(). */
  readonly sealEvent: (event: Anchor, epoch: number) => string
  /** null for anything that neither sealEvent() nor seal() made. */
  readonly openEvent: (cursor: string) => Place | null
}

/** A vehicle with its sharings that are not over by the log: the records that decide access to it. */
export type OpenVehicle = Vehicle & {
  readonly sharings: readonly Sharing[]
  /** How long ago a vehicle may have been heard of to be idle. Milliseconds; the same on all instances. */
  readonly maxSilenceMs: number
}

/** Reads that all requests of an instance share, before the rights of a viewer are applied. */
export type OpenVehicles = {
  /**
   * The vehicle for an answer that holds at `at`, without a check of access; null for one that is deleted or never was. It is as
   * recorded: settledFor() says how it is. Starts and ends that have come by then are final: no earlier decision can still undo
   * them, unless its commit takes longer than a read waits. Then the vehicle is as it is in lists, which wait for none.
   */
  readonly vehicle: (id: string, at: Instant) => Promise<OpenVehicle | null>
  /** The same without a wait for decisions that are being committed. */
  readonly recorded: (id: string) => Promise<OpenVehicle | null>
  /** The fleet by its id. Fleets are never changed or removed, so each is read once. */
  readonly fleet: (id: string) => Fleet | Promise<Fleet | null>
}

/**
 * Waits, for a second at most, until all decisions on vehicles that were taken before `at` are committed.
 * @returns the vehicles that somebody still holds; a decision from before `at` may still be committed for them
 */
export type WaitForWriters = (vehicleIds: readonly string[], at: Instant) => Promise<ReadonlySet<string>>

/** The vehicle of a decision, and the sharing and the partner that the request names. */
export type SnapshotKey = {
  readonly vehicleId: string
  readonly sharingId?: string | null | undefined
  readonly partnerId?: string | null
}

/** A vehicle with its open sharings and commands, as one statement read them. */
export type VehicleSnapshot = {
  readonly vehicle: Vehicle
  readonly maxSilenceMs: number
  readonly deleted: boolean
  readonly lastInstant: Instant
  /** Changes with each change of the vehicle's row. */
  readonly version: string
  /** The database's clock at the reading, or a little later. Milliseconds, with fractions. */
  readonly now: number
  /** The same moment as a reading of performance.now(), or a little later. */
  readonly read: number
  /** Whether the key's partner is a partner of the vehicle's owner. */
  readonly arePartners: boolean
  readonly sharings: readonly Sharing[]
  readonly commands: readonly Command[]
}

/** Reads the snapshot for a decision; null for a vehicle that never existed. Concurrent callers share one statement. */
export type ReadSnapshot = (key: SnapshotKey) => Promise<VehicleSnapshot | null>

/** A row that a decision changes or adds. */
export type Change<T> = { readonly row: T; readonly isNew: boolean }

/** The changes of a decision to a vehicle's sharings, its commands and its use, collected for one write. */
export type Changes = {
  readonly sharings: Map<string, Change<Sharing>>
  readonly commands: Map<string, Change<Command>>
  /** undefined for a use that stays as it is. */
  use: VehicleUse | null | undefined
}

/** A decision on a vehicle, ready for its commit. */
export type Decision = {
  readonly vehicle: Vehicle
  /** The version of the vehicle's row that the commit compares; null under the row lock, where it cannot change. */
  readonly version: string | null
  /**
   * The commit happens before this instant or not at all: no instant falls due before it, and a snapshot read without the lock
   * is fresh until then. null for no limit.
   */
  readonly validUntil: Instant | null
  /** The instant of the decision, by the database's clock, and the id of its request. */
  readonly moment: Moment
  /** The changed rows, and the events in their order, those of due steps first. */
  readonly changes: Changes
  readonly events: NewEvent[]
  /** The fleet and person of the audit entry; null for a decision without a requester. */
  readonly actor: Actor | null
}

/**
 * Commits a decision that was taken without the lock of its vehicle; concurrent callers share one statement.
 * @returns the events with their positions; null if nothing was written, because the vehicle has changed or is being changed
 */
export type CommitOptimistic = (decision: Decision) => Promise<readonly LoggedEvent[] | null>

/**
 * The events and commands that this instance has committed since it started. They are counted as they are written: that costs
 * nothing, needs no database when it is read, and adds up over the instances.
 */
export type WriteCounters = {
  readonly events: Record<VehicleEventType, number>
  /** Of COMMAND_UPDATED: the status that the command came to. */
  readonly commands: Record<CommandStatus, number>
}

/** Records refusals in the audit trail, as many as are kept. */
export type RefusalTrail = (entry: AuditRecord) => Promise<void>

/** The contradictions that this instance has met since it started. */
export type Contradictions = { met: number; readonly tell: (error: Error) => void }
