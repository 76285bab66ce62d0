import { isOpen } from '../command.ts'
import type { Command } from '../command.ts'
import { repair } from './repair.ts'
import { dueOf } from '../handover/settle.ts'
import { periodOf } from '../sharing.ts'
import type { Sharing } from '../sharing.ts'
import { toldSharings } from './told.ts'
import type { Kept } from './told.ts'

/** One thing about a vehicle that does not agree. The texts are for operators, and name no fleet. */
export type Finding = {
  readonly vehicleId: string
  readonly sharingId: string | null
  readonly commandId: string | null
  readonly rows: string
  readonly log: string
  /** How it is repaired; null for what needs a person, because the log does not say enough. */
  readonly repair: string | null
}

/** Disagreements: the rows with the log, the rows with each other, and both with what the time has brought. */
export function findings(kept: Kept): Finding[] {
  return [...withoutRow(kept), ...withoutLog(kept), ...ofSharings(kept), ...ofCommands(kept)]
}

const SET_ROW = 'the row is set to what the log says'
const SETTLE = 'it is recorded as of then'

function ofSharings(kept: Kept): Finding[] {
  const told = toldSharings(kept)
  const lastInstant = kept.lastInstant ?? -Infinity
  const after = repair(kept, lastInstant)
  const found = (sharing: Sharing, rows: string, log: string, repaired: string | null): Finding => ({
    vehicleId: kept.vehicleId,
    sharingId: sharing.id,
    commandId: null,
    rows,
    log,
    repair: repaired,
  })
  const differing = kept.sharings.flatMap((row, index) => {
    const differences = differencesOf(row, told[index] ?? row, TOLD_OF_SHARINGS)
    return differences ? [found(row, differences.rows, differences.log, SET_ROW)] : []
  })
  const overlapping = after.yielding.map(({ sharing, to, event }) => {
    const before = told.find(({ id }) => id === sharing.id) ?? sharing
    const log = `it was ${before.startedAt !== null ? 'started' : 'agreed'}, and so was the other`
    const verb = event.type === 'SHARING_ENDED' ? 'it is ended' : 'it is called off'
    return found(before, `its period ${spanOf(before)} meets that of sharing ${to.id}, ${spanOf(to)}`, log, verb)
  })
  const passedOver = after.sharings.flatMap((sharing) => {
    const due = dueOf(sharing)
    if (due === null || due.at > lastInstant) return []
    const { kind, at } = due
    return [found(sharing, `its ${kind} fell due ${text(at)}`, `went on without it until ${text(lastInstant)}`, SETTLE)]
  })
  return [...differing, ...overlapping, ...passedOver]
}

function ofCommands(kept: Kept): Finding[] {
  const { commands } = repair(kept, 0)
  return kept.commands.flatMap((row, index) => {
    const told = commands[index] ?? row
    const about = { vehicleId: kept.vehicleId, sharingId: null, commandId: row.id }
    const differences = differencesOf(row, told, TOLD_OF_COMMANDS)
    if (differences) return [{ ...about, ...differences, repair: SET_ROW }]
    const { lastInstant } = kept
    if (lastInstant === null || !isOpen(told) || told.deadline > lastInstant) return []
    const rows = `its deadline came ${text(told.deadline)}`
    return [{ ...about, rows, log: `went on without it until ${text(lastInstant)}`, repair: SETTLE }]
  })
}

/** An event whose row is missing, or names other parties than the event. */
function withoutRow({ vehicleId, sharings, commands, events }: Kept): Finding[] {
  const rows = new Map<string, Sharing | Command>([...sharings, ...commands].map((row) => [row.id, row]))
  const found = new Map<string, Finding>()
  for (const event of events) {
    const [sharingId, commandId] = event.type === 'COMMAND_UPDATED' ? [null, event.commandId] : [event.sharingId, null]
    const id = sharingId ?? commandId ?? ''
    const row = rows.get(id)
    const log = `${event.type} of ${text(event.occurredAt)}`
    const about = { vehicleId, sharingId, commandId, log, repair: null }
    if (!row) found.set(id, { ...about, rows: 'there is none' })
    else if (row.ownerId !== event.ownerId || partnerOf(row) !== event.partnerId)
      found.set(id, { ...about, rows: 'other fleets are its parties', log: `${log} has others` })
  }
  return [...found.values()]
}

const partnerOf = (row: Sharing | Command): string | null =>
  'partnerId' in row ? row.partnerId : row.fleetId === row.ownerId ? null : row.fleetId

/** A row that was made since the log is whole, and that no event tells of. */
function withoutLog({ vehicleId, sharings, commands, events, wholeSince }: Kept): Finding[] {
  const logged = new Set(events.map((event) => (event.type === 'COMMAND_UPDATED' ? event.commandId : event.sharingId)))
  const made = [
    ...sharings.map(({ id, createdAt }) => ({ id, at: createdAt, sharingId: id, commandId: null })),
    ...commands.map(({ id, requestedAt }) => ({ id, at: requestedAt, sharingId: null, commandId: id })),
  ]
  return made
    .filter(({ id, at }) => at >= wholeSince && !logged.has(id))
    .map(({ at, sharingId, commandId }) => {
      const about = { vehicleId, sharingId, commandId }
      return { ...about, rows: `made ${text(at)}`, log: 'no event tells of it', repair: null }
    })
}

const TOLD_OF_SHARINGS = [
  'startsAt',
  'startedAt',
  'startAwaitedSince',
  'endsAt',
  'latestEndsAt',
  'endedAt',
  'endReason',
  'cancelledAt',
  'endRequestedAt',
  'endRequestedBy',
] as const satisfies readonly (keyof Sharing)[]

const TOLD_OF_COMMANDS = ['status', 'dispatchedAt', 'completedAt'] as const satisfies readonly (keyof Command)[]

function differencesOf<K extends string>(
  row: Readonly<Record<K, unknown>>,
  told: Readonly<Record<K, unknown>>,
  fields: readonly K[],
): { readonly rows: string; readonly log: string } | null {
  const differing = fields.filter((field) => row[field] !== told[field])
  const said = (from: Readonly<Record<K, unknown>>) =>
    differing.map((field) => `${field} ${field.endsWith('At') ? text(from[field]) : String(from[field])}`).join(', ')
  return differing.length === 0 ? null : { rows: said(row), log: said(told) }
}

const text = (at: unknown): string =>
  typeof at === 'number' && Number.isFinite(at) ? new Date(at).toISOString() : 'none'

const spanOf = (sharing: Sharing): string => {
  const { startsAt, endsAt } = periodOf(sharing)
  return `${text(startsAt)} to ${endsAt === null ? 'no end' : text(endsAt)}`
}

/** One line, as logs and `npm run verify` show it. */
export const lineOf = ({ vehicleId, sharingId, commandId, rows, log, repair: repaired }: Finding): string =>
  `vehicle ${vehicleId}, ${sharingId === null ? `command ${commandId}` : `sharing ${sharingId}`}: ` +
  `rows: ${rows}; log: ${log}; repair: ${repaired ?? 'by hand'}`
