import type { EndSharingWhen } from '../../domain/sharing.ts'
import type { HandoverPolicy, SharingEndReason, SharingPhase, SharingStatus } from '../../domain/sharing.ts'
import { builder } from '../base/builder.ts'

/**
 * This folder: the types of how control passes, the enums of sharings (here) and what holds a handover up (idleness.ts). Fields and
 * mutations are in types/.
 */

export const SharingStatusEnum = builder.enumType('SharingStatus', {
  description:
    "The role of the viewer's fleet in a sharing, the same in every phase. `relation` of a filter of vehicles goes by the sharing that is\nin force: SHARED_OUT selects the vehicles with an ACTIVE sharing that is SHARED_OWN_VEHICLE, SHARED_IN those with an ACTIVE\nsharing that is SHARED_PARTNER_VEHICLE.",
  values: {
    SHARED_OWN_VEHICLE: { description: "The viewer's fleet owns the vehicle and has shared it." },
    SHARED_PARTNER_VEHICLE: { description: "Another fleet owns the vehicle and shares it with the viewer's fleet." },
  } satisfies Record<SharingStatus, { description: string }>,
})

export const SharingPhaseEnum = builder.enumType('SharingPhase', {
  description: 'The phase of a sharing.',
  values: {
    SCHEDULED: { description: 'Its start is still to come, or waits for the vehicle to be idle.' },
    ACTIVE: { description: 'In force: the partner controls the vehicle.' },
    ENDED: { description: 'Over: it was ended, or its due end has passed.' },
    CANCELLED: { description: 'Called off before it started, or not handed over by its due end.' },
  } satisfies Record<SharingPhase, { description: string }>,
})

export const SharingEndReasonEnum = builder.enumType('SharingEndReason', {
  description: 'How a sharing came to its end.',
  values: {
    ENDED_BY_OWNER: { description: 'The owner ended it.' },
    ENDED_BY_PARTNER: { description: 'The partner ended it.' },
    EXPIRED: { description: 'Its due end passed.' },
    CANCELLED_BY_OWNER: { description: 'The owner called it off before it started.' },
    CANCELLED_BY_PARTNER: { description: 'The partner called it off before it started.' },
    NOT_HANDED_OVER: { description: 'It was to start once the vehicle is idle, which it was not by endsAt.' },
  } satisfies Record<SharingEndReason, { description: string }>,
})

export const HandoverPolicyEnum = builder.enumType('HandoverPolicy', {
  description: 'How control passes at a due instant.',
  values: {
    ON_TIME: { description: 'At the instant itself, whatever the vehicle is doing.' },
    WHEN_IDLE: { description: 'At the instant if the vehicle is idle then, else as soon as it is.' },
  } satisfies Record<HandoverPolicy, { description: string }>,
})

export const EndSharingWhenEnum = builder.enumType('EndSharingWhen', {
  description: 'When a sharing is to end.',
  values: {
    NOW: { description: 'At once.' },
    WHEN_IDLE: {
      description:
        'At once if the vehicle is idle (Idleness); else as soon as it is. A scheduled one is called off at once.',
    },
  } satisfies Record<EndSharingWhen, { description: string }>,
})
