import type { Instant } from '../../domain/period.ts'
import { isBehind } from '../../domain/handover/settle.ts'
import { phaseAt } from '../../domain/sharing.ts'
import type { Sharing } from '../../domain/sharing.ts'
import { timestamp } from '../database/statement.ts'
import type { Query, Statement } from '../database/statement.ts'
import { select } from '../tables/record.ts'
import type { Row } from '../tables/record.ts'
import type { Services } from '../services.ts'
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
    const sharing = SHARING.decode(SETTLED.read(row))
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
  const behind = sharings.filter(
    (sharing) => (sharing.startPolicy === 'WHEN_IDLE' || sharing.endPolicy === 'WHEN_IDLE') && isBehind([sharing], at),
  )
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
