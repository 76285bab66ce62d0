import { describe, expect, it } from 'vitest'
import { findings, lineOf } from '../../src/domain/verify/findings.ts'
import type { Kept } from '../../src/domain/verify/told.ts'
import { brokenWorlds, SOUND } from '../support/broken.ts'

const NOW = Date.UTC(2026, 11, 1, 12)
const worlds = brokenWorlds(NOW)
const linesOf = (kept: Kept) => findings(kept).map(lineOf)

describe('a disagreement', () => {
  it.each<[keyof typeof worlds, RegExp[]]>([
    [
      'moved',
      [/^vehicle moved, sharing moved-1: rows: endsAt .*T13:00.*; log: endsAt .*T14:00.*; repair: the row is set/],
    ],
    [
      'both-started',
      [
        /sharing both-started-1: rows: its period .* meets that of sharing both-started-2.* to no end; .*: it is ended$/,
      ],
    ],
    ['unseen', [/sharing unseen-1: rows: its period .* meets that of sharing unseen-2, .*: it is called off$/]],
    ['both-scheduled', [/sharing both-scheduled-2: .* meets that of sharing both-scheduled-1.*: it is called off$/]],
    [
      'asked',
      [/sharing asked-1: rows: endRequestedAt none, .*; log: endRequestedAt .*T11:50.*, endRequestedBy partner; /],
    ],
    [
      'passed-over',
      [
        /sharing passed-over-1: rows: its start fell due .*T10:20:00.*; log: went on without it until .*T11:40:00.*as of then$/,
      ],
    ],
    [
      'command',
      [
        /^vehicle command, command command-1: rows: status DISPATCHED, .*; log: status SUCCEEDED, completedAt .*the row is set/,
      ],
    ],
  ])('%s', (name, lines) => {
    expect(linesOf(worlds[name])).toEqual(lines.map((line) => expect.stringMatching(line)))
  })

  it.each(SOUND)('nothing in records that are %s', (name) => {
    expect(linesOf(worlds[name])).toEqual([])
  })

  const inForce = worlds['in-force']
  it.each<[string, Kept, RegExp]>([
    [
      'an event without its row',
      { ...inForce, sharings: [] },
      /rows: there is none; log: SHARING_STARTED of .*: by hand$/,
    ],
    [
      'a row without its event',
      { ...inForce, events: [] },
      /rows: made .*; log: no event tells of it; repair: by hand$/,
    ],
    [
      'an event that other fleets may read',
      { ...inForce, sharings: inForce.sharings.map((one) => ({ ...one, partnerId: 'other' })) },
      /other fleets are its parties; .*: by hand$/,
    ],
    [
      'a command without its event',
      { ...worlds.command, commands: worlds.command.commands.map((one) => ({ ...one, id: 'unknown' })) },
      /command (unknown: rows: made|command-1: rows: there is none)/,
    ],
    [
      'a deadline that was passed over',
      { ...worlds.command, events: worlds.command.events.slice(0, 2), lastInstant: NOW },
      /rows: its deadline came .*; repair: it is recorded as of then$/,
    ],
    [
      'an end that was passed over',
      { ...inForce, lastInstant: NOW + 3_600_000 },
      /its end fell due .*; repair: it is recorded as of then$/,
    ],
  ])('%s', (_, kept, line) => {
    expect(linesOf(kept).length).toBeGreaterThan(0)
    for (const one of linesOf(kept)) expect(one).toMatch(line)
  })

  it('nothing about records older than the log', () => {
    const { events } = worlds.over
    for (let cut = 0; cut <= events.length; cut++) {
      expect(linesOf({ ...worlds.over, events: events.slice(cut), wholeSince: Infinity })).toEqual([])
    }
  })
})
