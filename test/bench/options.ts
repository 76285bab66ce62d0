import { parseArgs } from 'node:util'
import type { Size } from './data.ts'
import { BEFORE, SYSTEMS } from './systems.ts'
import { WORKLOADS } from './workloads.ts'

const GROWTH = '20000:200000,200000:10000000'

const USAGE = `npm run bench -- [options]

  --quick             one round of short cells, without streams and the stock system: about two minutes
  --rounds N          each cell that often, the median counts (3)
  --seconds S         how long a cell is measured (4)
  --warmup S          how long each cell runs before that, so that its code is compiled (5)
  --only A,B          these workloads: ${Object.keys(WORKLOADS).join(', ')}
  --systems A,B       these systems: ${Object.keys(SYSTEMS).join(', ')}
  --against DIR       another checkout of this project, installed, is measured in the same run as the system "before"
  --connections N     parallel callers (16)
  --vehicles N        in the database (20000)
  --events N          in its log beside the sharings (ten per vehicle)
  --growth SIZES      worlds of these sizes instead, vehicles:events (${GROWTH}):
                      reads and writes of FleetShare alone, and how much more the largest takes than the smallest
  --json FILE         writes all that was measured
  --profile DIR       starts all with --cpu-prof; their profiles are left there, in a folder for each
  --help

With DATABASE_URL the databases are made on that server, beside the one that it names, and kept for the next run with the same
sizes; else on one of the bench's own. An event takes some 350 bytes, a vehicle and what it comes with 6,000.`

export type Options = {
  readonly rounds: number
  readonly seconds: number
  readonly warmup: number
  readonly workloads: readonly string[]
  readonly systems: readonly string[]
  readonly connections: number
  readonly worlds: readonly Size[]
  /** Whether worlds are compared rather than systems. */
  readonly isGrowth: boolean
  readonly json: string | null
  readonly profile: string | null
  /** The checkout of the system `before`. */
  readonly against: string | null
}

/** @returns null if all that is asked for is help, which is then printed */
export function readOptions(args: readonly string[]): Options | null {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args: args.map((arg, index) =>
      arg === '--growth' && !args[index + 1]?.includes(':') ? `--growth=${GROWTH}` : arg,
    ),
    options: {
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      growth: text,
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
  const isGrowth = values.growth !== undefined
  const isUsual = (name: string) => {
    if (against !== null) return name === 'ours' || name === BEFORE
    return isGrowth ? name === 'ours' : !quick || name !== 'stock'
  }
  const isUsualWorkload = (name: string) => {
    const { kind, isOfSize = false } = WORKLOADS[name] ?? {}
    return isGrowth ? kind !== 'stream' || isOfSize : !isOfSize && !(quick && kind === 'stream')
  }
  const vehicles = number('vehicles', values.vehicles, 20_000)
  return {
    rounds: number('rounds', values.rounds, quick ? 1 : 3),
    seconds: number('seconds', values.seconds, quick ? 2 : 4),
    warmup: number('warmup', values.warmup, quick ? 1 : 5),
    workloads: names('only', values.only, Object.keys(WORKLOADS), isUsualWorkload),
    systems: names('systems', values.systems, all, isUsual),
    connections: number('connections', values.connections, 16),
    worlds: values.growth?.split(',').map(worldOf) ?? [
      { vehicles, events: number('events', values.events, vehicles * 10) },
    ],
    isGrowth,
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

function worldOf(given: string): Size {
  const [vehicles = NaN, events = NaN, ...others] = given.split(':').map(Number)
  if (!(vehicles > 0 && events >= 0) || others.length > 0)
    throw new Error(`--growth takes vehicles:events, not ${given}`)
  return { vehicles, events }
}

/** @param isUsual which to take if none are given */
function names(
  option: string,
  given: string | undefined,
  all: readonly string[],
  isUsual: (name: string) => boolean,
): readonly string[] {
  const chosen = given?.split(',') ?? all.filter(isUsual)
  const unknown = chosen.find((name) => !all.includes(name))
  if (unknown !== undefined) throw new Error(`--${option} takes ${all.join(', ')}; not ${unknown}`)
  return chosen
}
