import type { AuditAction, AuditRecord } from '../../domain/log/audit.ts'
import type { ErrorCode } from '../../domain/errors.ts'
import type { Instant } from '../../domain/period.ts'
import { defineTable, nullable, required } from './table.ts'

/** An entry as one of its readers has it. */
export type AuditRow = {
  readonly readerId: string
  readonly at: Instant
  readonly action: AuditAction
  readonly actorId: string
  readonly subject: string | null
  readonly vehicleId: string
  readonly sharingId: string | null
  readonly refusal: ErrorCode | null
  readonly requestId: string
}

/** The row without its number, which the database draws. */
export const AUDIT = defineTable<AuditRow>('audit', {
  readerId: required('word', 'reader_id'),
  at: required('instant', 'at'),
  action: required<'word', AuditAction>('word', 'action'),
  actorId: required('word', 'actor_id'),
  subject: nullable('text', 'subject'),
  vehicleId: required('word', 'vehicle_id'),
  sharingId: nullable('word', 'sharing_id'),
  refusal: nullable<'word', ErrorCode>('word', 'refusal'),
  requestId: required('word', 'request_id'),
})

/** The rows of a record, one for each of its readers, so that a fleet's trail is one range of one index. */
export const auditRowsOf = ({ readers, actor, ...entry }: AuditRecord): AuditRow[] =>
  readers.map((readerId) => ({ ...entry, readerId, actorId: actor.fleetId, subject: actor.subject }))
