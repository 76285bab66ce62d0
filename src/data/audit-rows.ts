import type { AuditRecord } from '../domain/log/audit.ts'
import { timestamp } from './sql.ts'

const COLUMNS = 'reader_id, at, action, actor_id, subject, vehicle_id, sharing_id, refusal, request_id'

/** @param from a set of rows of the table */
export const auditing = (from: string): string => `INSERT INTO audit (${COLUMNS}) SELECT ${COLUMNS} FROM ${from}`

/** One for each of its readers, so that a fleet's trail is one stretch of one index. */
export const auditRows = (entries: readonly AuditRecord[]): object[] =>
  entries.flatMap(({ readers, at, action, actor, vehicleId, sharingId, refusal, requestId }) =>
    readers.map((reader) => ({
      reader_id: reader,
      at: timestamp(at),
      action,
      actor_id: actor.fleetId,
      subject: actor.subject,
      vehicle_id: vehicleId,
      sharing_id: sharingId,
      refusal,
      request_id: requestId,
    })),
  )
