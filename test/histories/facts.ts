import type * as row from '../../src/generated/prisma/client.ts'
import { iso } from '../support/world.ts'
import type { EventFilter, Instant, Recording, SeenEvent, Span } from './history.ts'

type Facts = { readonly status?: string; readonly endsAt?: Instant | null; readonly endReason?: string | null } & {
  readonly mileageKm?: number
  readonly latestEndsAt?: Instant
  readonly inUse?: boolean
}

export const factsOf = ({ facts }: row.Event): Facts => (facts ?? {}) as Facts

/** Its type, and for a command the step. */
export const stepOf = (event: row.Event): string =>
  event.type === 'COMMAND_UPDATED' ? `COMMAND_UPDATED ${factsOf(event).status}` : event.type

/** All that an event says, as clients see it. */
export function textOf(event: SeenEvent): string {
  const { type, vehicleId, occurredAt, recordedAt, requestId } = event
  const { sharing, endsAt, endReason, command, status, state } = event
  const facts = sharing
    ? [sharing.id, endsAt, endReason]
    : command
      ? [command.id, status]
      : state
        ? [state.mileageKm?.value]
        : []
  return [type, vehicleId, occurredAt, recordedAt, requestId, ...facts].map(String).join(' ')
}

/** The same of an event as it is stored. */
export function storedText(event: row.Event): string {
  const { type, vehicleId, occurredAt, recordedAt, requestId, sharingId, commandId } = event
  const { endsAt, endReason, status, mileageKm } = factsOf(event)
  const facts =
    sharingId !== null
      ? [sharingId, endsAt == null ? null : iso(endsAt), endReason ?? null]
      : commandId !== null
        ? [commandId, status]
        : type === 'STATE_RECORDED'
          ? [mileageKm]
          : []
  return [type, vehicleId, occurredAt.toISOString(), recordedAt.toISOString(), requestId, ...facts]
    .map(String)
    .join(' ')
}

export const passes = (event: SeenEvent, filter: EventFilter | null): boolean =>
  (filter?.vehicleIds?.includes(event.vehicleId) ?? true) && (filter?.types?.includes(event.type) ?? true)

/** Up to and with the event of a request; all of them if it is not there. */
export function upTo<T extends { readonly requestId: string | null }>(events: readonly T[], requestId: string): T[] {
  const last = events.findIndex((event) => event.requestId === requestId)
  return events.slice(0, last === -1 ? events.length : last + 1)
}

/** When the partner of a sharing was in control: from its start to, not including, its end. */
export type Window = Span & { readonly vehicleId: string; readonly partnerId: string }

export const windowOf = (sharing: row.Sharing): Window => ({
  vehicleId: sharing.vehicleId,
  partnerId: sharing.partnerId,
  from: startOf(sharing),
  to: endOf(sharing),
})

export const windowsOf = ({ truth }: Pick<Recording, 'truth'>): Window[] =>
  truth.sharings.filter(({ cancelledAt }) => cancelledAt === null).map(windowOf)

/** When control passed to the partner; never for one that waits. */
export const startOf = ({ startsAt, startedAt, startWhenIdle }: row.Sharing): Instant =>
  startedAt?.getTime() ?? (startWhenIdle ? Infinity : startsAt.getTime())

/** When control passed back, or will at the latest. */
export const endOf = ({ endsAt, latestEndsAt, endedAt }: row.Sharing): Instant =>
  Math.min((latestEndsAt ?? endsAt)?.getTime() ?? Infinity, endedAt?.getTime() ?? Infinity)
