import { sharingAt } from '../../domain/access/access.ts'
import { sharingEvent } from '../../domain/log/event.ts'
import { endIfIdle } from '../../domain/sharing.ts'
import type { Sharing } from '../../domain/sharing.ts'
import { isIdle, mergeState, stateOf } from '../../domain/state.ts'
import { ContradictionError, meet, redecide } from '../decisions/redecide.ts'
import { change } from '../decisions/commit.ts'
import type { Services } from '../services.ts'
import { cancelPending, committed, hold, release } from '../decisions/lock.ts'
import type { Held } from '../decisions/lock.ts'
import { recordAll } from './record-reports.ts'
import type { Indexed, Outcome } from './record-reports.ts'
import type { Statement, Tx } from '../database/statement.ts'

/** Always in this order, so that two batches never wait for each other crosswise. */
const LOCK_ALL: Statement = {
  name: 'lock_all',
  text: 'SELECT 1 FROM vehicle WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE',
}
const KNOWN: Statement = {
  name: 'known_messages',
  text: 'SELECT message_id FROM event WHERE vehicle_id = $1 AND message_id = ANY($2::text[])',
}

const SAVE: Statement = { name: 'savepoint', text: 'SAVEPOINT vehicle' }
const KEEP: Statement = { name: 'keep', text: 'RELEASE SAVEPOINT vehicle' }
const UNDO: Statement = { name: 'undo', text: 'ROLLBACK TO SAVEPOINT vehicle' }

type Batch = {
  readonly reports: readonly Indexed[]
  readonly requestId: string
  /** The vehicles for which there is more to do. */
  readonly attention: readonly string[]
}

type Taken = {
  readonly outcome: Outcome
  readonly decided: readonly Held[]
  /** By vehicle: nothing of its reports was taken. */
  readonly contradictions: ReadonlyMap<string, ContradictionError>
}

/**
 * For some vehicle of the batch something fell due, or the end of a sharing waits for it to be idle. The first report that
 * makes it idle ends the sharing, also where the next finds it moving again; so the latter's are taken in two stretches.
 * @returns what became of the reports, without those of vehicles whose records contradict each other, and those vehicles
 */
export async function recordWithHandovers(
  db: Services,
  batch: Batch,
): Promise<{ readonly outcome: Outcome; readonly contradicting: ReadonlySet<string> }> {
  const { outcome, decided, contradictions } = await redecide((_nth, isContradicted) =>
    db.transaction((tx) => recordLocked(tx, batch, isContradicted)),
  )
  committed(db, decided)
  for (const error of contradictions.values()) meet(db.contradictions, error)
  return { outcome, contradicting: new Set(contradictions.keys()) }
}

/** @param apart whether each vehicle is undone by itself where its records contradict each other: two more statements each */
async function recordLocked(tx: Tx, { reports, requestId, attention }: Batch, apart: boolean): Promise<Taken> {
  const decided: Held[] = []
  const contradictions = new Map<string, ContradictionError>()
  await tx.query(LOCK_ALL, [[...new Set(reports.map(({ vehicleId }) => vehicleId))].toSorted()])

  const unlessContradicting = async <T>(vehicleId: string, work: () => Promise<T>): Promise<T | null> => {
    if (!apart) return work()
    const before = decided.length
    await tx.query(SAVE, [])
    let result: T | null = null
    try {
      result = await work()
    } catch (error) {
      if (!(error instanceof ContradictionError)) throw error
      await tx.query(UNDO, [])
      decided.length = before
      contradictions.set(vehicleId, error)
    }
    await tx.query(KEEP, [])
    return result
  }
  const settled = async (vehicleId: string) => {
    const held = await hold(tx, { vehicleId, requestId, handover: false })
    if (!held) return null
    await release(held)
    decided.push(held)
    return sharingAwaitingIdle(held) && held
  }
  /** All reports of a vehicle whose sharing waits for it to be idle. @returns how many were new */
  const recordAwaiting = async (vehicleId: string) => {
    let recorded = 0
    let rest = reports.filter((report) => report.vehicleId === vehicleId)
    while (rest.length > 0) {
      // As long as the wish stands: up to the report that will make the vehicle idle. Then the rest, at once.
      const stands = await settled(vehicleId)
      const stretch = stands ? await untilIdle(tx, stands, rest) : rest
      const part = await recordAll(tx, stretch, requestId, [vehicleId], false)
      // Something fell due since it was settled.
      if (part.attention.length > 0) continue
      recorded += part.recorded
      rest = rest.slice(stretch.length)
      const held = stands && (await hold(tx, { vehicleId, requestId, handover: true }))
      if (!held) continue
      endIfIdleNow(held)
      await release(held)
      decided.push(held)
    }
    return recorded
  }

  const awaiting = new Set<string>()
  let outcome: Outcome = { recorded: 0, unknown: [], attention: [...attention], events: null }
  while (outcome.attention.length > 0) {
    for (const id of outcome.attention) if (await unlessContradicting(id, () => settled(id))) awaiting.add(id)
    const others = reports.filter(({ vehicleId }) => !awaiting.has(vehicleId) && !contradictions.has(vehicleId))
    outcome = await recordAll(tx, others, requestId, [], false)
  }
  for (const id of awaiting) outcome.recorded += (await unlessContradicting(id, () => recordAwaiting(id))) ?? 0
  return { outcome, decided, contradictions }
}

/** The reports up to and with the first that makes the vehicle idle; all of them if none does. */
async function untilIdle(tx: Tx, { vehicle, moment }: Held, reports: readonly Indexed[]): Promise<readonly Indexed[]> {
  const messageIds = reports.map(({ messageId }) => messageId)
  const rows = await tx.query<{ message_id: string }>(KNOWN, [vehicle.id, messageIds])
  const known = new Set(rows.map(({ message_id: messageId }) => messageId))
  let { state } = vehicle
  const first = reports.findIndex(({ messageId, occurredAt, readings }) => {
    if (known.has(messageId)) return false
    known.add(messageId)
    state = mergeState(state, stateOf(readings, Math.min(occurredAt, moment.at)))
    return isIdle(state)
  })
  return first === -1 ? reports : reports.slice(0, first + 1)
}

const sharingAwaitingIdle = ({ control, moment }: Held): Sharing | null => {
  const current = control && sharingAt(control, moment.at)
  return current?.endRequestedAt == null ? null : current
}

function endIfIdleNow(held: Held): void {
  const current = sharingAwaitingIdle(held)
  if (!current) return
  const ended = endIfIdle(current, held.vehicle.state, held.moment.at)
  if (ended === current) return
  change(held.changes.sharings, ended)
  held.events.push(sharingEvent('SHARING_ENDED', ended, held.moment))
  cancelPending(held)
}
