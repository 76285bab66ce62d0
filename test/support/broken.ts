import { newCommand } from '../../src/domain/command.ts'
import { commandUpdated, sharingEvent } from '../../src/domain/log/event.ts'
import type { SharingEventType } from '../../src/domain/log/event.ts'
import type { Instant } from '../../src/domain/period.ts'
import type { Sharing } from '../../src/domain/sharing.ts'
import type { CommandEvent, Kept, SharingEvent } from '../../src/domain/verify/told.ts'
import { aSharing, aVehicle } from './sharings.ts'
import type { SharingFields } from './sharings.ts'

/** What version 0.1.0 could leave behind once PostgreSQL had lost sharings from the exclusion constraint's index. */
export const BROKEN = ['moved', 'both-started', 'unseen', 'both-scheduled', 'asked', 'command', 'passed-over'] as const
/** What looks alike, and is as it should be. */
export const SOUND = ['in-force', 'over', 'waits'] as const

const MINUTE = 60_000

/** One vehicle for each, by its name. Minutes are relative to `now`. */
export function brokenWorlds(now: Instant): Record<(typeof BROKEN)[number] | (typeof SOUND)[number], Kept> {
  const at = (minutes: number): Instant => now + minutes * MINUTE

  const kept = (vehicleId: string, sharings: readonly Sharing[], events: readonly SharingEvent[]): Kept => ({
    vehicleId,
    lastInstant: Math.max(...events.map(({ recordedAt }) => recordedAt)),
    sharings,
    commands: [],
    events: events.toSorted((a, b) => a.recordedAt - b.recordedAt),
    askers: new Map(),
    wholeSince: -Infinity,
  })

  const sharing = (id: string, vehicleId: string, from: number, to: number | null, fields: SharingFields = {}) =>
    aSharing({
      id,
      vehicleId,
      startsAt: at(from),
      endsAt: to === null ? null : at(to),
      createdAt: at(-300),
      ...fields,
    })

  const said = (type: SharingEventType, about: Sharing, minutes: number): SharingEvent =>
    ({
      ...sharingEvent(type, about, {
        at: type === 'SHARING_SCHEDULED' ? about.createdAt : at(minutes),
        requestId: 'then',
      }),
      position: 0,
    }) as SharingEvent
  const scheduled = (about: Sharing) => said('SHARING_SCHEDULED', about, 0)
  const started = (about: Sharing) => said('SHARING_STARTED', about, (about.startsAt - now) / MINUTE)

  const begun = { startRecorded: true }
  const moved = sharing('moved-1', 'moved', -60, 60, begun)
  const first = sharing('both-started-1', 'both-started', -100, 100, begun)
  const second = sharing('both-started-2', 'both-started', -50, null, {
    ...begun,
    partnerId: 'other',
    createdAt: at(-290),
  })
  const unseen = sharing('unseen-1', 'unseen', -100, -50)
  const inItsPlace = sharing('unseen-2', 'unseen', -120, 60, { ...begun, partnerId: 'other', createdAt: at(-120) })
  const earlier = sharing('both-scheduled-1', 'both-scheduled', 60, 120)
  const later = sharing('both-scheduled-2', 'both-scheduled', 90, 150, { createdAt: at(-290), partnerId: 'other' })
  const asked = sharing('asked-1', 'asked', -60, 60, begun)
  const passed = sharing('passed-over-1', 'passed-over', -100, -50)
  const inForce = sharing('in-force-1', 'in-force', -60, 60, begun)
  const over = sharing('over-1', 'over', -60, -30, { ...begun, endedAt: at(-40), endReason: 'ENDED_BY_PARTNER' })
  const waits = sharing('waits-1', 'waits', -30, -10)

  const order = { id: 'command-1', type: 'DRAW_ATTENTION', timeoutSeconds: 30 } as const
  const sent = newCommand(aVehicle({ id: 'command' }), 'owner', null, order, at(-20))
  const told = (status: 'PENDING' | 'DISPATCHED' | 'SUCCEEDED', seconds: number) =>
    ({
      ...commandUpdated({ ...sent, status }, { at: at(-20) + seconds * 1000, requestId: 'then' }),
      position: 0,
    }) as CommandEvent

  return {
    moved: kept(
      'moved',
      [moved],
      [scheduled(moved), started(moved), said('SHARING_END_CHANGED', { ...moved, endsAt: at(120) }, -30)],
    ),
    'both-started': kept(
      'both-started',
      [first, second],
      [first, second].flatMap((one) => [scheduled(one), started(one)]),
    ),
    unseen: kept('unseen', [unseen, inItsPlace], [scheduled(unseen), started(inItsPlace)]),
    'both-scheduled': kept('both-scheduled', [earlier, later], [earlier, later].map(scheduled)),
    asked: {
      ...kept(
        'asked',
        [asked],
        [scheduled(asked), started(asked), { ...said('SHARING_END_REQUESTED', asked, -10), requestId: 'asked' }],
      ),
      askers: new Map([['asked', 'partner']]),
    },
    'passed-over': { ...kept('passed-over', [passed], [scheduled(passed)]), lastInstant: at(-20) },
    'in-force': kept('in-force', [inForce], [scheduled(inForce), started(inForce)]),
    over: kept('over', [over], [scheduled(over), started(over), said('SHARING_ENDED', over, -40)]),
    waits: kept('waits', [waits], [scheduled(waits)]),
    command: {
      vehicleId: 'command',
      lastInstant: at(-20) + 2000,
      sharings: [],
      commands: [{ ...sent, status: 'DISPATCHED', dispatchedAt: at(-20) + 1000 }],
      events: [told('PENDING', 0), told('DISPATCHED', 1), told('SUCCEEDED', 2)],
      askers: new Map(),
      wholeSince: -Infinity,
    },
  }
}
