import type { CommandType } from '../command.ts'
import type { Instant } from '../period.ts'
import type { Vehicle } from '../vehicle.ts'

/**
 * This folder: when control passes. Whether a vehicle is idle (here), what that decides about the sharings whose start or end
 * waits for it (waiting.ts), and what falls due by the clock (settle.ts).
 */

/** Why a vehicle is not idle, in the order in which lists show it. */
export const IDLE_BLOCKERS = ['MOVING', 'IGNITION_ON', 'UNLOCKED', 'IN_USE', 'UNKNOWN', 'SILENT'] as const
export type IdleBlocker = (typeof IDLE_BLOCKERS)[number]

/** The facts that decide whether a vehicle is idle, beside the instant. */
export type IdleFacts = Pick<Vehicle, 'state' | 'supportedCommands' | 'use' | 'lastContactAt'> & {
  /** A vehicle that was last heard of longer ago is silent. Milliseconds; the same on all instances. */
  readonly maxSilenceMs: number
}

/** A vehicle that supports one of them has a central lock. */
const LOCK_COMMANDS: readonly CommandType[] = [
  'LOCK_CENTRAL_LOCK',
  'UNLOCK_CENTRAL_LOCK',
  'LOCK_AND_DISABLE_DRIVING',
  'UNLOCK_AND_ENABLE_DRIVING',
]

/** @returns everything that stands against control passing at the instant; empty for an idle vehicle */
export function idleBlockers(facts: IdleFacts, at: Instant): IdleBlocker[] {
  const { state, supportedCommands, use, lastContactAt, maxSilenceMs } = facts
  const { speedKmh, ignition, drivingEnabled, centralLock } = state
  const isUnknown =
    (ignition === null && drivingEnabled === null) ||
    (centralLock === null && supportedCommands.some((type) => LOCK_COMMANDS.includes(type)))
  const holds: Readonly<Record<IdleBlocker, boolean>> = {
    MOVING: speedKmh !== null && speedKmh.value > 0,
    IGNITION_ON: (ignition ?? drivingEnabled)?.value === true,
    UNLOCKED: centralLock?.value === 'UNLOCKED',
    IN_USE: use !== null,
    UNKNOWN: isUnknown,
    SILENT: lastContactAt === null || at - lastContactAt > maxSilenceMs,
  }
  return IDLE_BLOCKERS.filter((blocker) => holds[blocker])
}

export const isIdle = (facts: IdleFacts, at: Instant): boolean => idleBlockers(facts, at).length === 0
