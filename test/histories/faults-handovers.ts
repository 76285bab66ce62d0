import type { Fault } from './fault.ts'

/** Faults of what waits for a vehicle to be idle. */
export const HANDOVER_FAULTS: readonly Fault[] = [
  {
    name: 'a vehicle in use counts as idle',
    by: ['idle'],
    patches: [{ file: 'src/domain/handover/idleness.ts', find: 'IN_USE: use !== null', replace: 'IN_USE: false' }],
  },

  {
    name: 'an end that may wait is taken when it is due',
    by: ['idle'],
    patches: [
      {
        file: 'src/domain/handover/waiting.ts',
        find: 'if (mayWait && !isIdle(facts, at))',
        replace: 'if (mayWait && at < 0)',
      },
    ],
  },

  {
    name: 'a batch that makes vehicles idle hands none over',
    by: ['idle'],
    patches: [
      {
        file: 'src/data/verbs/report-handovers.ts',
        find: 'await decideAll([...awaiting], true',
        replace: 'await decideAll([], true',
      },
    ],
  },

  {
    name: 'a use outlives the control under which it was set',
    by: ['idle'],
    patches: [
      {
        file: 'src/data/decisions/lock.ts',
        find: 'if (vehicle.use !== null) changes.use = null',
        replace: 'if (vehicle.use !== null && moment.at < 0) changes.use = null',
      },
    ],
  },
]
