import type { Instant } from '../../domain/period.ts'
import { sharingAt } from '../../domain/access/access.ts'
import { isOpen } from '../../domain/command.ts'
import type { Command } from '../../domain/command.ts'
import { commandAsOf, isBehind } from '../../domain/handover/settle.ts'
import { hasPolicy, phaseAt } from '../../domain/sharing.ts'
import type { Sharing } from '../../domain/sharing.ts'
import { timestamp } from '../database/statement.ts'
import type { Query, Statement } from '../database/statement.ts'
import { select } from '../tables/record.ts'
import type { Row } from '../tables/kinds.ts'
import type { OpenVehicle, Services } from '../services.ts'
import { COMMAND } from '../tables/command.ts'
import { SHARING } from '../tables/sharing.ts'
import { settledFor } from './open-vehicles.ts'
import type { Undecided } from './visibility.ts'

const SETTLED = select(SHARING.of('s'))

/** The vehicles with such a sharing are few: whatever falls due is recorded within a second. */
const UNDECIDED: Statement = {
  name: 'undecided',
  text: `SELECT ${SETTLED.sql} FROM (
      SELECT DISTINCT d.vehicle_id AS id FROM sharing AS d
      WHERE d.due_at <= $1 AND (d.start_when_idle OR d.end_when_idle) OFFSET 0
    ) AS v CROSS JOIN LATERAL settled_sharings(v.id, $1) AS s`,
}

/**
 * Sharings with a policy of which something fell due by `at` that is not recorded, with all open ones of their vehicles. Once it is
 * recorded it is the same, so that a later statement may use the answer.
 */
export async function undecidedAt(query: Query, at: Instant): Promise<Undecided> {
  const rows = await query<Row>(UNDECIDED, [timestamp(at)])
  return rows.map((row) => {
    const sharing = SETTLED.read(row)
    return { id: sharing.id, phase: phaseAt(sharing, at) }
  })
}

/**
 * Sharings as they are at `at`: where something of one with a policy fell due by then that is not recorded, its vehicle is read,
 * too.
 */
export async function settledSharings(
  { prisma, openVehicles }: Pick<Services, 'prisma' | 'openVehicles'>,
  sharings: readonly Sharing[],
  at: Instant,
): Promise<Sharing[]> {
  const behind = sharings.filter((sharing) => hasPolicy(sharing) && isBehind([sharing], at))
  if (behind.length === 0) return [...sharings]
  const vehicleIds = [...new Set(behind.map(({ vehicleId }) => vehicleId))]
  const vehicles = await Promise.all(vehicleIds.map((id) => openVehicles.vehicle(id, at)))
  const settled = vehicles.flatMap((vehicle) => (vehicle ? settledFor(vehicle, at).sharings : []))
  const found = new Map(settled.map((sharing) => [sharing.id, sharing]))
  // Those whose end was recorded meanwhile are no longer among the open ones.
  const ids = behind.flatMap(({ id }) => (found.has(id) ? [] : [id]))
  const rows = ids.length === 0 ? [] : await prisma.sharing.findMany({ where: { id: { in: ids } } })
  for (const row of rows) found.set(row.id, SHARING.fromPrisma(row))
  const isOneOfThem = new Set(behind)
  return sharings.map((sharing) => (isOneOfThem.has(sharing) ? (found.get(sharing.id) ?? sharing) : sharing))
}

/**
 * Commands as they are at `at`, whether what fell due by then is recorded or not. Where something did, they are read again once the
 * decisions from before it are committed: an outcome may have come in time, and what the vehicle shows may be recorded by now.
 *
 * Of a vehicle that somebody holds for longer the commands are as they are recorded: no final status is told that the commit
 * which is awaited may contradict. It is what the log says, too, for nobody can announce anything of the vehicle meanwhile.
 */
export async function settledCommands(
  { prisma, openVehicles, waitForWriters }: Pick<Services, 'prisma' | 'openVehicles' | 'waitForWriters'>,
  commands: readonly Command[],
  at: Instant,
): Promise<Command[]> {
  // Read after the commands.
  const before = await vehiclesOf(openVehicles, commands.filter(isOpen))
  const stale = commands.filter((command) => isStale(command, before.get(command.vehicleId) ?? null, at))
  if (stale.length === 0) return [...commands]
  const held = await waitForWriters([...new Set(stale.map(({ vehicleId }) => vehicleId))], at)
  const rows = await prisma.command.findMany({ where: { id: { in: stale.map(({ id }) => id) } } })
  const fresh = new Map(rows.map((row) => [row.id, COMMAND.fromPrisma(row)]))
  const vehicles = await vehiclesOf(openVehicles, stale)
  const isRead = new Set(stale)
  return commands.map((command) => {
    if (!isRead.has(command)) return command
    const recorded = fresh.get(command.id) ?? command
    return held.has(command.vehicleId) ? recorded : commandAsOf(recorded, vehicles.get(command.vehicleId) ?? null, at)
  })
}

async function vehiclesOf(
  { recorded }: Pick<Services['openVehicles'], 'recorded'>,
  commands: readonly Command[],
): Promise<Map<string, OpenVehicle | null>> {
  const ids = [...new Set(commands.map(({ vehicleId }) => vehicleId))]
  const vehicles = await Promise.all(ids.map(recorded))
  return new Map(ids.map((id, index) => [id, vehicles[index] ?? null]))
}

/** Whether something fell due for a command, or may be about to be recorded of it. */
const isStale = (command: Command, vehicle: OpenVehicle | null, at: Instant): boolean =>
  isOpen(command) && (commandAsOf(command, vehicle, at) !== command || hasLostControl(command, vehicle, at))

/** Whether control has passed since a command was accepted that waits for a gateway, as far as that is recorded. */
const hasLostControl = ({ status, sharingId }: Command, vehicle: OpenVehicle | null, at: Instant): boolean =>
  status === 'PENDING' &&
  vehicle !== null &&
  sharingId !== (sharingAt({ vehicle, sharings: settledFor(vehicle, at).sharings }, at)?.id ?? null)
