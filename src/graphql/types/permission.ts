import { permission } from '../../domain/access/access.ts'
import type { Action, Control, Permission } from '../../domain/access/access.ts'
import type { Member } from '../../domain/fleet.ts'
import type { Instant } from '../../domain/period.ts'
import { builder } from '../base/builder.ts'
import { ErrorCodeEnum } from './user-errors.ts'

const PermissionType = builder.objectRef<Permission>('Permission').implement({
  description: 'Whether an action is allowed now.',
  fields: (t) => ({
    allowed: t.exposeBoolean('allowed', { description: 'Whether the mutation would be let through.' }),
    code: t.expose('code', {
      type: ErrorCodeEnum,
      nullable: true,
      description: 'The reason against it; null when allowed.',
    }),
    until: t.expose('until', {
      type: 'DateTime',
      nullable: true,
      description: 'The next start or end of a sharing that changes this answer; null where none is known.',
    }),
  }),
})

/** The member, the vehicle with its sharings, and the instant of some permissions. */
type Question = { readonly control: Control; readonly by: Member; readonly at: Instant }

export const VehiclePermissionsType = builder.objectRef<Question>('VehiclePermissions').implement({
  description:
    'updateSharingEnd and endSharing answer for the sharing in force; startSharing for one that would start now; sendCommand for at least one command.',
  fields: (t) => {
    const may = (kind: Action['kind'], description: string) =>
      t.field({
        type: PermissionType,
        description,
        resolve: ({ control, by, at }) => permission({ kind }, by, control, at),
      })
    return {
      update: may('update', 'For updateVehicle.'),
      delete: may('delete', 'For deleteVehicle.'),
      sendCommand: may('sendCommand', 'For sendCommand.'),
      startSharing: may(
        'startSharing',
        'For startSharing, of a sharing that starts now. When allowed, the vehicle is free until `until`, the start of the next\nscheduled sharing: one that ends later, or has an open end, is still refused with ALREADY_SHARED.',
      ),
      updateSharingEnd: may('updateSharingEnd', 'For updateSharingEnd.'),
      endSharing: may('endSharing', 'For endSharing.'),
      setUse: may('setUse', 'For setVehicleUse.'),
    }
  },
})
