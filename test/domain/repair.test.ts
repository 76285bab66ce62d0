import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { commandUpdated, sharingEvent } from '../../src/domain/log/event.ts'
import type { NewEvent } from '../../src/domain/log/event.ts'
import { findings, lineOf } from '../../src/domain/verify/findings.ts'
import { overlaps } from '../../src/domain/period.ts'
import type { Instant } from '../../src/domain/period.ts'
import { repair } from '../../src/domain/verify/repair.ts'
import { settle } from '../../src/domain/handover/settle.ts'
import { periodOf } from '../../src/domain/sharing.ts'
import { toldSharings } from '../../src/domain/verify/told.ts'
import type { CommandEvent, Kept, SharingEvent } from '../../src/domain/verify/told.ts'
import { nowOf, plans, worldOf } from '../support/broken-worlds.ts'
import { idleFacts } from '../support/sharings.ts'

const PLACE = { vehicleId: 'car', base: 1_000_000, unit: 60_000 }
const NOW = nowOf(PLACE)

/** The world after its repair, and after the decision that comes next. */
function repaired(kept: Kept, at: Instant): Kept {
  const { sharings, commands, yielding } = repair(kept, at)
  const open = sharings.filter(({ cancelledAt, endedAt }) => cancelledAt === null && endedAt === null)
  const due = settle({ sharings: open, commands }, idleFacts(), at)
  const moment = { at, requestId: null }
  const added = [
    ...yielding.map(({ event }) => event),
    ...due.steps.map((step) =>
      step.type === 'COMMAND_UPDATED'
        ? commandUpdated(step.command, moment, step.at)
        : sharingEvent(step.type, step.sharing, moment, step.at),
    ),
  ]
  const settled = new Map(due.sharings.map((sharing) => [sharing.id, sharing]))
  return {
    ...kept,
    sharings: sharings.map((sharing) => settled.get(sharing.id) ?? sharing),
    commands: due.commands,
    events: [...kept.events, ...added.map((event, index) => placed(event, kept, index))],
    lastInstant: at,
  }
}

const placed = (event: NewEvent, { events }: Kept, index: number) =>
  ({ ...event, position: (events.at(-1)?.position ?? 0) + 1 + index }) as SharingEvent | CommandEvent

const overlapping = ({ sharings }: Kept): string[] =>
  sharings.flatMap((a, index) =>
    sharings
      .slice(index + 1)
      .filter((b) => overlaps(periodOf(a), periodOf(b)))
      .map((b) => `${a.id} ${b.id}`),
  )

describe('any broken world', () => {
  const broken = plans.map((plan) => worldOf(plan, PLACE))

  it('agrees once it is repaired', () => {
    let found = 0
    fc.assert(
      fc.property(broken, (kept) => {
        found += findings(kept).length
        const after = repaired(kept, NOW)
        expect(findings(after).map(lineOf)).toEqual([])
        expect(overlapping(after)).toEqual([])
        expect(after.sharings).toEqual(toldSharings(after))
      }),
      { numRuns: 2_000 },
    )
    expect(found).toBeGreaterThan(2_000)
  })

  it('keeps its log, and both parties read the repair there', () => {
    fc.assert(
      fc.property(broken, (kept) => {
        const { yielding, sharings } = repair(kept, NOW)
        expect(repaired(kept, NOW).events.slice(0, kept.events.length)).toEqual(kept.events)
        for (const { event, sharing } of yielding) {
          const { ownerId, partnerId, vehicleId } = sharing
          expect(event).toMatchObject({ ownerId, partnerId, vehicleId, recordedAt: NOW, requestId: null })
          expect(event.occurredAt).toBeLessThanOrEqual(NOW)
          expect(sharings).toContainEqual(expect.objectContaining({ id: sharing.id }))
        }
      }),
    )
  })

  it('is repaired once', () => {
    fc.assert(
      fc.property(broken, (kept) => {
        const once = repaired(kept, NOW)
        const { sharings, commands, yielding } = repair(once, NOW + 1)
        expect([sharings, commands, yielding]).toEqual([once.sharings, once.commands, []])
      }),
    )
  })

  it('changes no records that agree', () => {
    fc.assert(
      fc.property(broken, (kept) => {
        const differing = new Set(findings(kept).flatMap(({ sharingId, commandId }) => [sharingId, commandId]))
        const { sharings, commands } = repair(kept, NOW)
        for (const [rows, after] of [
          [kept.sharings, sharings],
          [kept.commands, commands],
        ] as const) {
          const agreeing = rows.filter(({ id }) => !differing.has(id))
          expect(after).toEqual(expect.arrayContaining([...agreeing]))
        }
      }),
    )
  })
})
