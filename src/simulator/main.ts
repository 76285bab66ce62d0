import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { demoVehicles } from '../../prisma/demo.ts'
import { simulate } from './fleet.ts'
import { connect } from './gateway.ts'

const HELP = `Plays the vehicles of a fleet: a gateway that reports their state and executes their commands.

  npm run simulate -- --token "$(npm run --silent token -- --role gateway)"

  --url URL       the server; http://127.0.0.1:4000 if absent
  --token TOKEN   an access token with the role GATEWAY; SIMULATOR_TOKEN if absent
  --vehicles IDS  their ids, separated by commas; the demo world's if absent
  --every S       seconds between two reports of a vehicle; 2 if absent
  --seed N        the same seed drives the same ways; 1 if absent
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
  console.error(`npm run simulate: ${error instanceof Error ? error.message : String(error)}\n\n${HELP}`)
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
  const ids = vehicles?.split(',') ?? demoVehicles().map(({ id }) => id)
  const simulation = simulate(ids, Number(seed), Date.now().toString(36))
  const failed = (error: unknown) =>
    console.error(`simulator: ${error instanceof Error ? error.message : String(error)}`)
  const gateway = connect(new URL(url).origin, token, ids, (dispatch) => {
    simulation.execute(gateway, dispatch).catch(failed)
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
    await simulation.tick(gateway, seconds).catch(failed)
    await sleep(seconds * 1000)
  }
}
