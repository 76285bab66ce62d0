import type { Command, CommandStatus } from '../../../domain/command.ts'
import type { Instant } from '../../../domain/period.ts'
import type { Services } from '../../services.ts'
import { timestamp } from '../../database/statement.ts'
import type { Statement } from '../../database/statement.ts'
import { COMMAND } from '../../tables/command.ts'
import { isId } from '../../tables/ids.ts'
import { select } from '../../tables/record.ts'
import type { Row } from '../../tables/kinds.ts'
import type { Page } from '../lists.ts'
import { settledCommands } from '../undecided.ts'

/** Newest first, then by id. */
export type CommandKey = readonly [requestedAt: Instant, id: string]

export type CommandListFilter = { readonly vehicleId: string | null; readonly status: CommandStatus | null }

type Direction = 'ASC' | 'DESC'

const LISTED = select(COMMAND.of('c'))

/**
 * $1 the fleet, $2 statuses, $3 the limit, $4 and $5 the key before which in time the page lies, $6 and $7 the key behind which it
 * lies. Keys are compared as rows with the columns before them, so that each status is one range of the index.
 */
const ofStatuses = (direction: Direction, columns: string, values: string, more: string) => `
  (SELECT c.* FROM unnest($2::text[]) AS wanted(status) CROSS JOIN LATERAL (
    SELECT * FROM command AS c
    WHERE (${columns}, c.status, c.requested_at, c.id) < (${values}, wanted.status, $4::timestamptz, $5::text)
      AND (${columns}, c.status, c.requested_at, c.id) > (${values}, wanted.status, $6::timestamptz, $7::text) ${more}
    ORDER BY ${columns} ${direction}, c.status ${direction}, c.requested_at ${direction}, c.id ${direction} LIMIT $3
  ) AS c)`

/** Commands for the fleet's own vehicles, and those that it sent to vehicles of others. */
const ofFleet = (direction: Direction) => `
  ${ofStatuses(direction, 'c.owner_id', '$1', '')} UNION ALL
  ${ofStatuses(direction, 'c.fleet_id', '$1', 'AND c.fleet_id <> c.owner_id')}`

const ofVehicle = (direction: Direction) =>
  ofStatuses(direction, 'c.vehicle_id', '$8', 'AND $1 = ANY (ARRAY[c.owner_id, c.fleet_id])')

const statement = (name: string, direction: Direction, commands: string): Statement => ({
  name: `commands_${name}_${direction.toLowerCase()}`,
  text: `SELECT ${LISTED.sql} FROM (${commands}) AS c
    ORDER BY c.requested_at ${direction}, c.id ${direction} LIMIT $3`,
})

export const COMMAND_LISTS = {
  ofFleet: { ASC: statement('of_fleet', 'ASC', ofFleet('ASC')), DESC: statement('of_fleet', 'DESC', ofFleet('DESC')) },
  ofVehicle: {
    ASC: statement('of_vehicle', 'ASC', ofVehicle('ASC')),
    DESC: statement('of_vehicle', 'DESC', ofVehicle('DESC')),
  },
} as const

/** Statuses as they are stored of commands that have a status now: the step of a due command may not be recorded yet. */
const STORED: { readonly [Status in CommandStatus]: readonly CommandStatus[] } = {
  PENDING: ['PENDING'],
  DISPATCHED: ['DISPATCHED'],
  SUCCEEDED: ['SUCCEEDED'],
  FAILED: ['FAILED'],
  EXPIRED: ['EXPIRED', 'PENDING'],
  CANCELLED_BY_HANDOVER: ['CANCELLED_BY_HANDOVER', 'PENDING'],
  OUTCOME_UNKNOWN: ['OUTCOME_UNKNOWN', 'DISPATCHED'],
}
const ALL = Object.keys(STORED) as CommandStatus[]

/** Of stored commands that have another status by now, so many are looked through at once. */
const AT_LEAST = 100

/** The commands that the fleet can read, newest first: of its own vehicles, and those that it sent. */
export async function listCommands(
  db: Services,
  fleetId: string,
  at: Instant,
  filter: CommandListFilter,
  page: Page<CommandKey>,
): Promise<Command[]> {
  if (filter.vehicleId !== null && !isId(filter.vehicleId)) return []
  const statuses = filter.status === null ? ALL : STORED[filter.status]
  const found: Command[] = []
  let rest = { ...page, limit: filter.status === null ? page.limit : Math.max(page.limit, AT_LEAST) }
  for (;;) {
    const read = await readPage(db, fleetId, filter.vehicleId, statuses, rest)
    found.push(...(await ofStatus(db, read, filter.status, at)))
    const last = read.at(-1)
    if (found.length >= page.limit || read.length < rest.limit || !last) return found.slice(0, page.limit)
    rest = { ...rest, [page.backwards ? 'before' : 'after']: [last.requestedAt, last.id] as const }
  }
}

async function readPage(
  { query }: Services,
  fleetId: string,
  vehicleId: string | null,
  statuses: readonly CommandStatus[],
  { after, before, limit, backwards }: Page<CommandKey>,
): Promise<Command[]> {
  const statement = COMMAND_LISTS[vehicleId === null ? 'ofFleet' : 'ofVehicle'][backwards ? 'ASC' : 'DESC']
  const older = after ? [timestamp(after[0]), after[1]] : ['infinity', '']
  const newer = before ? [timestamp(before[0]), before[1]] : ['-infinity', '']
  const values: unknown[] = [fleetId, statuses, limit, ...older, ...newer]
  if (vehicleId !== null) values.push(vehicleId)
  return (await query<Row>(statement, values)).map(LISTED.read)
}

/** Those that have the status now; all for null. */
async function ofStatus(
  db: Services,
  commands: readonly Command[],
  status: CommandStatus | null,
  at: Instant,
): Promise<readonly Command[]> {
  if (status === null) return commands
  const settled = await settledCommands(db, commands, at)
  return settled.filter((command) => command.status === status)
}
