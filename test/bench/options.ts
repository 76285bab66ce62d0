import { parseArgs } from 'node:util'
import type { World } from './data.ts'
import { BEFORE, SYSTEMS } from './systems.ts'
import { WORKLOADS } from './workloads.ts'

const USAGE = `npm run bench -- [options]

  --quick             one round of short cells, without streams and the stock system: about two minutes
  --rounds N          each cell that often, the median counts (3)
  --seconds S         how long a cell is measured (4)
  --warmup S          how long each cell runs before that (2)
  --only A,B          these workloads: ${Object.keys(WORKLOADS).join(', ')}
  --systems A,B       these systems: ${Object.keys(SYSTEMS).join(', ')}
  --against DIR       another checkout of this project, installed, is measured in the same run as the system "before"
  --connections N     parallel callers (16)
  --vehicles N        in the database (20000)
  --events N          in its log beside the sharings (ten per vehicle)
  --growth            reads also with 2000 and 200000 vehicles, the latter with 10 million events
  --json FILE         writes all that was measured
  --profile DIR       starts FleetShare with --cpu-prof; its profiles are left there
  --help

With DATABASE_URL the databases are made on that server, beside the one that it names, and kept; else on one of the
bench's own.`

export type Options = {
  readonly rounds: number
  readonly seconds: number
  readonly warmup: number
  readonly workloads: readonly string[]
  readonly systems: readonly string[]
  readonly connections: number
  /** The first is what everything is measured in, the others are for reading alone. */
  readonly worlds: readonly World[]
  readonly json: string | null
  readonly profile: string | null
  /** The checkout of the system `before`. */
  readonly against: string | null
}

const GROWTH: readonly World[] = [
  { vehicles: 2_000, events: 20_000 },
  { vehicles: 200_000, events: 10_000_000 },
]

/** @returns null if all that is asked for is help, which is then printed */
export function readOptions(args: readonly string[]): Options | null {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      growth: { type: 'boolean', default: false },
      rounds: text,
      seconds: text,
      warmup: text,
      only: text,
      systems: text,
      connections: text,
      vehicles: text,
      events: text,
      json: text,
      profile: text,
      against: text,
    },
  })
  if (values.help) {
    console.log(USAGE)
    return null
  }
  const { quick } = values
  const { against = null } = values
  const all = [...Object.keys(SYSTEMS), ...(against === null ? [] : [BEFORE])]
  const isUsual = (name: string) => (against === null ? !quick || name !== 'stock' : name === 'ours' || name === BEFORE)
  const vehicles = number('vehicles', values.vehicles, 20_000)
  return {
    rounds: number('rounds', values.rounds, quick ? 1 : 3),
    seconds: number('seconds', values.seconds, quick ? 2 : 4),
    warmup: number('warmup', values.warmup, quick ? 1 : 2),
    workloads: names('only', values.only, Object.keys(WORKLOADS), quick ? isQuick : undefined),
    systems: names('systems', values.systems, all, isUsual),
    connections: number('connections', values.connections, 16),
    worlds: [{ vehicles, events: number('events', values.events, vehicles * 10) }, ...(values.growth ? GROWTH : [])],
    json: values.json ?? null,
    profile: values.profile ?? null,
    against,
  }
}

function number(name: string, given: string | undefined, otherwise: number): number {
  const value = given === undefined ? otherwise : Number(given)
  if (!(value >= 0)) throw new Error(`--${name} takes a number, not ${given}`)
  return value
}

const isQuick = (workload: string): boolean => WORKLOADS[workload]?.kind !== 'stream'

/** @param isUsual which to take if none are given; all, if absent */
function names(
  option: string,
  given: string | undefined,
  all: readonly string[],
  isUsual: (name: string) => boolean = () => true,
): readonly string[] {
  const chosen = given?.split(',') ?? all.filter(isUsual)
  const unknown = chosen.find((name) => !all.includes(name))
  if (unknown !== undefined) throw new Error(`--${option} takes ${all.join(', ')}; not ${unknown}`)
  return chosen
}
