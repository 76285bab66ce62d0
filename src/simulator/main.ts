import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { demoVehicles, isMoped } from '../../prisma/demo.ts'
import { DEFAULT_FAULTS, simulate } from './simulation.ts'
import { connectGateway } from './gateway.ts'

/**
 * The simulator: a fleet of vehicles that drive through a city, and their gateway, which is a client of the public API.
 * It shares no code with the server; random.ts, city.ts, car.ts and simulation.ts build on each other in this order.
 */

/** How this program is called, as a script of package.json or as a part of the installed package. */
const { FLEETSHARE_CALL } = process.env
const CALL = FLEETSHARE_CALL
  ? `${FLEETSHARE_CALL} simulate --token "$(${FLEETSHARE_CALL} token --role gateway)"`
  : 'npm run simulate -- --token "$(npm run --silent token -- --role gateway)"'

const HELP = `Simulates the vehicles of a fleet, and the gateway that reports their states and executes their commands.

  ${CALL}

  --url URL       the server; http://127.0.0.1:4000 if absent
  --token TOKEN   an access token with the role GATEWAY; SIMULATOR_TOKEN if absent
  --vehicles IDS  the vehicles' ids, separated by commas; those of the demo world if absent
  --every S       seconds between two reports of a vehicle; 2 if absent
  --seed N        the same seed gives the same simulation; 1 if absent
  --help          this text`

try {
  const { values } = parseArgs({
    options: {
      url: { type: 'string', default: 'http://127.0.0.1:4000' },
      token: { type: 'string', default: process.env['SIMULATOR_TOKEN'] ?? '' },
      vehicles: { type: 'string' },
      every: { type: 'string', default: '2' },
      seed: { type: 'string', default: '1' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) console.log(HELP)
  else await run(values)
} catch (error) {
  console.error(
    `${FLEETSHARE_CALL ?? 'npm run'} simulate: ${error instanceof Error ? error.message : String(error)}\n\n${HELP}`,
  )
  process.exitCode = 1
}

async function run({
  url,
  token,
  vehicles,
  every,
  seed,
}: Record<'url' | 'token' | 'every' | 'seed', string> & { vehicles?: string | undefined }) {
  const seconds = Number(every)
  if (token === '') throw new Error('--token is missing')
  if (!URL.canParse(url)) throw new Error('--url takes a URL such as http://127.0.0.1:4000')
  if (!(seconds > 0)) throw new Error('--every takes a number of seconds')
  if (!Number.isSafeInteger(Number(seed))) throw new Error('--seed takes a whole number')
  const demo = demoVehicles()
  const ids = vehicles?.split(',') ?? demo.map(({ id }) => id)
  const mopeds = new Set(demo.filter(isMoped).map(({ id }) => id))
  const simulation = simulate(ids, Number(seed), Date.now().toString(36), DEFAULT_FAULTS, mopeds)
  const logFailure = (error: unknown) =>
    console.error(`simulator: ${error instanceof Error ? error.message : String(error)}`)
  const gateway = connectGateway(new URL(url).origin, token, ids, (dispatch) => {
    simulation.execute(gateway, dispatch).catch(logFailure)
  })
  console.log(`simulator: ${ids.length} vehicles report to ${url} every ${seconds} s`)

  let stopping = false
  const stop = () => {
    stopping = true
    void gateway.close().finally(() => process.exit(0))
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  while (!stopping) {
    await simulation.tick(gateway, seconds).catch(logFailure)
    await sleep(seconds * 1000)
  }
}
