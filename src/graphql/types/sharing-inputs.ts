import { builder } from '../base/builder.ts'
import { EndSharingWhenEnum, HandoverPolicyEnum } from '../handover/sharing-enums.ts'
import { CommandTypeEnum } from './command.ts'

export const StartSharingInput = builder.inputType('StartSharingInput', {
  description: 'A vehicle, a partner and a period.',
  fields: (t) => ({
    vehicleId: t.id({ required: true, description: 'The vehicle.' }),
    fleetId: t.id({
      required: true,
      description: "The partner: the fleet that borrows the vehicle, one of `sharingPartners`; never the viewer's own.",
    }),
    startsAt: t.field({ type: 'DateTime', description: 'Now, if absent.' }),
    endsAt: t.field({ type: 'DateTime', description: 'Open end, if absent or null.' }),
    startPolicy: t.field({
      type: HandoverPolicyEnum,
      defaultValue: 'ON_TIME',
      description: 'How control passes to the partner at startsAt.',
    }),
    endPolicy: t.field({
      type: HandoverPolicyEnum,
      defaultValue: 'ON_TIME',
      description: 'How control passes back at endsAt.',
    }),
    latestEndsAt: t.field({
      type: 'DateTime',
      description: 'Has to be given with endsAt and endPolicy WHEN_IDLE, and only then; not before endsAt.',
    }),
    allowedCommands: t.field({
      type: [CommandTypeEnum],
      description: 'All that the vehicle supports, if absent or null.',
    }),
    idempotencyKey: t.string({
      description:
        '1 to 200 characters. For 24 hours the same key with the same input answers for the same sharing, as it is by ' +
        'then, and does nothing more.',
    }),
  }),
})

export const UpdateSharingEndInput = builder.inputType('UpdateSharingEndInput', {
  description: 'A new due end.',
  fields: (t) => ({
    vehicleId: t.id({ required: true, description: 'The vehicle.' }),
    sharingId: t.id({ description: 'A scheduled sharing; the one in force, if absent.' }),
    endsAt: t.field({ type: 'DateTime', description: 'Has to be given; null makes the end open.' }),
    latestEndsAt: t.field({
      type: 'DateTime',
      description:
        'With endPolicy WHEN_IDLE; absent or null it moves with endsAt, by as much. With an open end it falls away; with the first end it has to be given.',
    }),
  }),
})

export const EndSharingInput = builder.inputType('EndSharingInput', {
  description: 'A sharing to end, or to call off.',
  fields: (t) => ({
    vehicleId: t.id({ required: true, description: 'The vehicle.' }),
    sharingId: t.id({ description: 'A scheduled sharing to call off; the one in force, if absent.' }),
    when: t.field({ type: EndSharingWhenEnum, defaultValue: 'NOW', description: 'At once, or as soon as it is idle.' }),
  }),
})
