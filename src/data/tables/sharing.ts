import { COMMAND_TYPES } from '../../domain/command.ts'
import type { CommandType } from '../../domain/command.ts'
import type { Instant } from '../../domain/period.ts'
import type { HandoverPolicy, Sharing, SharingEndReason } from '../../domain/sharing.ts'
import type { VehicleState } from '../../domain/state.ts'
import { asIs } from './kinds.ts'
import type { Decode } from './kinds.ts'
import { defineTable, fixed, mapped, nullable, required } from './table.ts'
import type { Field } from './table.ts'

/** The known commands among some words: NULL and names of later versions are left out. */
export const commandTypes = (words: readonly string[]): readonly CommandType[] => known.get(words) ?? remember(words)

const known = new WeakMap<readonly string[], readonly CommandType[]>()
function remember(words: readonly string[]): readonly CommandType[] {
  const types = words.filter((word): word is CommandType => COMMAND_TYPES.some((type) => type === word))
  known.set(words, types)
  return types
}

/** A flag instead of a name: lists of vehicles read it for each sharing. */
const policy = (name: string): Field<HandoverPolicy> =>
  mapped(
    required('flag', name),
    (isWhenIdle) => (isWhenIdle ? 'WHEN_IDLE' : 'ON_TIME'),
    (value) => value === 'WHEN_IDLE',
  )

/** The instant, and whether there is one, which is what instances of the version before look at. */
const startedAt: Field<Instant | null> = {
  columns: [
    { name: 'started_at', kind: 'instant' },
    { name: 'start_recorded', kind: 'flag', isOnlyWritten: true },
  ],
  decode: asIs as Decode<Instant | null>,
  encode: (value) => [value, value !== null],
  isFixed: false,
}

export const SHARING = defineTable<Sharing>('sharing', {
  id: fixed(required('word', 'id')),
  vehicleId: fixed(required('word', 'vehicle_id')),
  ownerId: fixed(required('word', 'owner_id')),
  partnerId: fixed(required('word', 'partner_id')),
  startsAt: required('instant', 'starts_at'),
  startPolicy: fixed(policy('start_when_idle')),
  startedAt,
  startAwaitedSince: nullable('instant', 'start_awaited_since'),
  endsAt: nullable('instant', 'ends_at'),
  endPolicy: fixed(policy('end_when_idle')),
  latestEndsAt: nullable('instant', 'latest_ends_at'),
  isOverrun: nullable('flag', 'is_overrun'),
  endedAt: nullable('instant', 'ended_at'),
  endReason: nullable<'word', SharingEndReason>('word', 'end_reason'),
  cancelledAt: nullable('instant', 'cancelled_at'),
  // Empty for all commands that the vehicle supports.
  allowedCommands: fixed(
    mapped(
      required('words', 'allowed_commands'),
      (words) => (words.length === 0 ? null : commandTypes(words)),
      (types) => types ?? [],
    ),
  ),
  endRequestedAt: nullable('instant', 'end_requested_at'),
  endRequestedBy: nullable('word', 'end_requested_by'),
  handover: mapped(
    nullable('json', 'handover'),
    (state) => state as VehicleState | null,
    (state) => state,
  ),
  returned: mapped(
    nullable('json', 'returned'),
    (state) => state as VehicleState | null,
    (state) => state,
  ),
  createdAt: fixed(required('instant', 'created_at')),
})
