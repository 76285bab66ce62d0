import { IDLE_BLOCKERS } from '../../domain/handover/idleness.ts'
import type { IdleBlocker } from '../../domain/handover/idleness.ts'
import type { VehicleUse } from '../../domain/vehicle.ts'
import { builder } from '../base/builder.ts'
import { asMember } from '../base/context.ts'

const IdleBlockerEnum = builder.enumType('IdleBlocker', {
  description: 'Why a vehicle is not idle.',
  values: {
    MOVING: { description: 'Its latest speed is above 0.' },
    IGNITION_ON: { description: 'Its ignition is on; where no ignition was ever reported: driving is enabled.' },
    UNLOCKED: { description: 'Its central lock is open.' },
    IN_USE: {
      description: 'The fleet in control says that somebody is using it: a customer who has only paused is not idle.',
    },
    UNKNOWN: {
      description:
        'What it would take to tell was never reported: ignition and driving; or the central lock, of a vehicle that supports a command for it.',
    },
    SILENT: { description: 'It was last heard of too long ago to tell (setting IDLE_MAX_SILENCE_MINUTES).' },
  } satisfies Record<(typeof IDLE_BLOCKERS)[number], { description: string }>,
})

/** Everything that stands in the way; empty for an idle vehicle. */
export const IdlenessType = builder.objectRef<readonly IdleBlocker[]>('Idleness').implement({
  description: 'Whether control of a vehicle could pass now without surprising anybody.',
  fields: (t) => ({
    idle: t.boolean({
      description: 'Whether nothing stands in the way.',
      resolve: (blockers) => blockers.length === 0,
    }),
    blockedBy: t.field({
      type: [IdleBlockerEnum],
      description: 'In the order of the enum; empty when idle.',
      resolve: (blockers) => [...blockers],
    }),
  }),
})

export const VehicleUseType = builder.objectRef<VehicleUse>('VehicleUse').implement({
  description: 'Somebody is using the vehicle, says the fleet in control.',
  fields: (t) => ({
    since: t.expose('since', { type: 'DateTime', description: 'When that fleet said so.' }),
    reference: t.string({
      nullable: true,
      description:
        'What the fleet that said so wrote about it, such as its own booking number; null for every other fleet.',
      resolve: ({ fleetId, reference }, _args, context) => (fleetId === asMember(context).fleetId ? reference : null),
    }),
  }),
})
