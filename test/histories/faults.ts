import type { Fault } from './fault.ts'
import { DECISION_FAULTS } from './faults-decisions.ts'
import { HANDOVER_FAULTS } from './faults-handovers.ts'
import { LOG_FAULTS } from './faults-log.ts'
import { PARTITION_FAULTS } from './faults-partitions.ts'
import { SERVER_FAULTS } from './faults-server.ts'

/** Every rule that is broken to see that the checker finds it. */
export const FAULTS: readonly Fault[] = [
  ...LOG_FAULTS,
  ...PARTITION_FAULTS,
  ...DECISION_FAULTS,
  ...HANDOVER_FAULTS,
  ...SERVER_FAULTS,
]
