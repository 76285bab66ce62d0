import type { Command, CommandStatus, CommandType } from '../../domain/command.ts'
import { defineTable, fixed, nullable, required } from './table.ts'

export const COMMAND = defineTable<Command>('command', {
  id: fixed(required('word', 'id')),
  type: fixed(required<'word', CommandType>('word', 'type')),
  status: required<'word', CommandStatus>('word', 'status'),
  vehicleId: fixed(required('word', 'vehicle_id')),
  ownerId: fixed(required('word', 'owner_id')),
  fleetId: fixed(required('word', 'fleet_id')),
  sharingId: fixed(nullable('word', 'sharing_id')),
  requestedAt: fixed(required('instant', 'requested_at')),
  deadline: fixed(required('instant', 'deadline')),
  dispatchedAt: nullable('instant', 'dispatched_at'),
  completedAt: nullable('instant', 'completed_at'),
  message: nullable('text', 'message'),
})
