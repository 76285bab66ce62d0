import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { between, seeded } from '../../src/simulator/random.ts'
import type { Random } from '../../src/simulator/random.ts'
import { run } from '../support/api.ts'
import { iso } from '../support/world.ts'
import { startArena } from './arena.ts'
import type { Arena } from './arena.ts'
import { chance, whole } from './random.ts'

const VEHICLES = 40
/** As long as this, and until the page has split; no longer than that. Milliseconds. */
const LENGTH_MS = 2_000
const MOST_MS = 30_000
const LOOK_EVERY_MS = 50

/** The root, and what the first page was split into. */
const SPLIT_PAGES = 3

/** What one try left behind. */
export type Try = {
  /** Sharings, and the pages of the index that keeps them apart. */
  readonly rows: number
  readonly pages: number
  /** What does not agree in the database, such as an index that has lost rows. */
  readonly lost: readonly string[]
}

/**
 * On a new database forty vehicles are lent, their ends moved and brought about, as fast as two instances go: so the first
 * page of the exclusion constraint's index splits under statements that were planned while there was nothing.
 * @param root the folder whose src/ the servers run from
 */
export async function trySplit(root: string, postgresUrl: string, seed: number): Promise<Try> {
  const arena = await startArena(root, postgresUrl)
  try {
    const loans = await populate(arena)
    let going = true
    const lending = loans.map(async (loan, index) => {
      const random = seeded(seed * VEHICLES + index)
      while (going) await lend(arena, loan, random)
    })
    const begun = Date.now()
    const look = async () => {
      const [size] = await arena.prisma.$queryRaw<[{ rows: number; pages: number }]>`
        SELECT count(*)::int AS rows, (pg_relation_size('sharing_one_at_a_time') / 8192)::int AS pages FROM sharing`
      return size
    }
    const until = async () => {
      await sleep(LENGTH_MS)
      while ((await look()).pages < SPLIT_PAGES && Date.now() < begun + MOST_MS) await sleep(LOOK_EVERY_MS)
      going = false
    }
    await Promise.all([until().finally(() => (going = false)), ...lending])
    return { ...(await look()), lost: await arena.disagreements() }
  } finally {
    await arena.close()
  }
}

type Loan = { readonly vehicleId: string; readonly partnerId: string; readonly token: string }

async function populate(arena: Arena): Promise<Loan[]> {
  const url = arena.urlOf(0)
  const { token: admin } = await arena.token(null, 'admin')
  const fleet = async (name: string) => (await run(url, admin, 'createFleet', { name })).fleet.id as string
  const [ownerId, partnerId] = [await fleet('Owner'), await fleet('Partner')]
  await run(url, admin, 'registerPartnership', { fleetIds: [ownerId, partnerId] })
  const { token } = await arena.token(ownerId, 'manager')
  const loans: Loan[] = []
  while (loans.length < VEHICLES) {
    const { vehicle } = await run(url, token, 'createVehicle', {})
    loans.push({ vehicleId: vehicle.id, partnerId, token })
  }
  return loans
}

/** Lends a vehicle, moves the end some times, and ends it, unless its end comes first. */
async function lend(arena: Arena, { vehicleId, partnerId: fleetId, token }: Loan, random: Random): Promise<void> {
  const url = () => arena.urlOf(chance(random, 0.5) ? 0 : 1)
  const soon = () => iso(Date.now() + between(random, 50, 500))
  await run(url(), token, 'startSharing', { vehicleId, fleetId, ...(chance(random, 0.5) ? { endsAt: soon() } : {}) })
  for (let moves = whole(random, 0, 3); moves > 0; moves--) {
    await run(url(), token, 'updateSharingEnd', { vehicleId, endsAt: soon() })
  }
  await run(url(), token, 'endSharing', { vehicleId })
}

/** Processes that do nothing as fast as they can. @returns ends them */
export function keepBusy(processes: number): () => void {
  const busy = Array.from({ length: processes }, () =>
    spawn(process.execPath, ['-e', 'for (;;) {}'], { stdio: 'ignore' }),
  )
  const stop = () => busy.forEach((child) => child.kill('SIGKILL'))
  process.once('exit', stop)
  return stop
}
