import type { Instant } from '../../domain/period.ts'
import type { Report, Values } from '../../domain/state.ts'
import { WITH_LOCK_TIMEOUT } from '../database/lock-timeout.ts'
import type { Statement, Tx } from '../database/statement.ts'

/** A checked report, and its place in the batch. */
export type Indexed = Report & { readonly index: number }

/** The attention as a list: an array of texts would come as PostgreSQL writes it. */
const RECORD: Statement = {
  name: 'record',
  text: `SELECT recorded, "unknown", to_jsonb(attention) AS attention, events
    FROM ${WITH_LOCK_TIMEOUT}
      CROSS JOIN LATERAL record_vehicle_states($1::jsonb, $2, CASE WHEN is_set IS NOT NULL THEN $3::text[] END, $4)`,
  waits: 'rows',
}

export type Outcome = {
  recorded: number
  unknown: number[]
  attention: string[]
  /** The events that were appended; null where there are none, or nobody follows them here. */
  events: RecordedRow[] | null
}

export type RecordedRow = {
  readonly position: number
  readonly tag: number
  readonly vehicle_id: string
  readonly owner_id: string
  readonly partner_id: string | null
  readonly occurred_at: Instant
  readonly recorded_at: Instant
  readonly facts: Partial<Values>
}

/**
 * @param attended the vehicles that the caller hands over if they are idle
 * @param told whether to say what was appended
 */
export async function recordAll(
  { query }: Tx,
  reports: readonly Indexed[],
  requestId: string,
  attended: readonly string[],
  told: boolean,
): Promise<Outcome> {
  const batch = reports.map(({ readings: { position, ...readings }, ...report }) => ({
    ...report,
    ...position,
    ...readings,
  }))
  const [outcome] = await query<Outcome>(RECORD, [JSON.stringify(batch), requestId, attended, told])
  if (!outcome) throw new Error('what became of the reports was not told')
  return outcome
}
