import type { CommandStatus } from '../../domain/command.ts'
import type { LoggedEvent, NewEvent, SharingFacts, VehicleEventType } from '../../domain/log/event.ts'
import type { Instant } from '../../domain/period.ts'
import type { Values as Readings } from '../../domain/state.ts'
import { defineTable, mapped, nonNull, nullable, required } from './table.ts'
import type { Field } from './table.ts'

/** A row of the log: the columns of every type of event. */
export type EventRow = {
  readonly type: VehicleEventType
  readonly vehicleId: string
  readonly ownerId: string
  readonly partnerId: string | null
  readonly occurredAt: Instant
  readonly recordedAt: Instant
  readonly requestId: string | null
  readonly sharingId: string | null
  readonly commandId: string | null
  readonly facts: object | null
}

const facts: Field<object | null> = mapped(
  nullable('json', 'facts'),
  (json) => json,
  (value) => value,
)

/** The row as it is appended: without its position and tag, which the database draws. */
export const EVENT = defineTable<EventRow>('event', {
  type: required<'word', VehicleEventType>('word', 'type'),
  vehicleId: required('word', 'vehicle_id'),
  ownerId: required('word', 'owner_id'),
  partnerId: nullable('word', 'partner_id'),
  occurredAt: required('instant', 'occurred_at'),
  recordedAt: required('instant', 'recorded_at'),
  requestId: nullable('word', 'request_id'),
  sharingId: nullable('word', 'sharing_id'),
  commandId: nullable('word', 'command_id'),
  facts,
})

export const rowOf = (event: NewEvent): EventRow => ({
  type: event.type,
  vehicleId: event.vehicleId,
  ownerId: event.ownerId,
  partnerId: event.partnerId,
  occurredAt: event.occurredAt,
  recordedAt: event.recordedAt,
  requestId: event.requestId,
  sharingId: 'sharingId' in event ? event.sharingId : null,
  commandId: 'commandId' in event ? event.commandId : null,
  facts: 'facts' in event ? event.facts : null,
})

/** The event of a row. @param tag null for an event that was written before there were tags */
export function loggedEvent(row: EventRow, position: number, tag: number | null): LoggedEvent {
  const { type, vehicleId, ownerId, partnerId, occurredAt, recordedAt, requestId } = row
  const common = { position, tag: tag ?? 0, vehicleId, ownerId, partnerId, occurredAt, recordedAt, requestId }
  switch (type) {
    case 'VEHICLE_CHANGED':
      return { ...common, type }
    case 'COMMAND_UPDATED':
      return {
        ...common,
        type,
        commandId: nonNull(row.commandId, 'command_id'),
        facts: row.facts as { status: CommandStatus },
      }
    case 'VEHICLE_USE_CHANGED':
      return { ...common, type, facts: row.facts as { inUse: boolean } }
    case 'STATE_RECORDED':
      return { ...common, type, facts: row.facts as Partial<Readings> }
    case 'SHARING_SCHEDULED':
    case 'SHARING_START_AWAITED':
    case 'SHARING_STARTED':
    case 'SHARING_END_CHANGED':
    case 'SHARING_END_REQUESTED':
    case 'SHARING_ENDED':
    case 'SHARING_CANCELLED':
      return { ...common, type, sharingId: nonNull(row.sharingId, 'sharing_id'), facts: row.facts as SharingFacts }
  }
}
