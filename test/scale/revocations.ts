import type { Arena } from './arena.ts'
import { median, note, promise } from './figures.ts'
import type { Instance } from './instance.ts'
import { makeFleets } from './world.ts'

type Options = { readonly revocations: number; readonly requests: number }

const CALLERS = 8
const ROUNDS = 5
const NOTICE_MS = 3_000
const QUERY = JSON.stringify({ query: '{ viewer { tokenExpiresAt } }' })
/** What a request may cost with revocations, of what it costs without. */
const ALLOWED = 1.3
const IDLE_SECONDS = 5

/** Many revoked subjects of one fleet: what each request of that fleet costs the server then, and what an idle server does. */
export async function measureRevocations(arena: Arena, { revocations, requests }: Options): Promise<void> {
  const instance = await arena.start()
  const [fleet] = await makeFleets(arena, instance.url, { fleets: 1, vehicles: 1, lent: 0 })
  if (!fleet) throw new Error('there is no fleet')
  const cost = async () => {
    const rounds: number[] = []
    for (let round = 0; round < ROUNDS; round++) rounds.push(await costOf(instance, fleet.token, requests))
    return median(rounds)
  }
  await costOf(instance, fleet.token, requests)
  const without = await cost()
  const quiet = await idle(instance)
  note(`${without.toFixed(0)} us of a processor for each request without revocations`)
  await arena.db.query(
    `INSERT INTO revocation (fleet_id, subject, until)
      SELECT $1, 'subject ' || n, now() - interval '1 hour' FROM generate_series(1, $2::int) AS n`,
    [fleet.id, revocations],
  )
  await new Promise((resolve) => setTimeout(resolve, NOTICE_MS))
  const withThem = await cost()
  const busy = await idle(instance)
  note(`${withThem.toFixed(0)} us with ${revocations}`)
  console.log(`  of a core while idle: ${(quiet * 100).toFixed(1)} % without, ${(busy * 100).toFixed(1)} % with them`)
  promise('what a request costs does not depend on how many tokens were revoked', withThem <= ALLOWED * without)
}

/** Microseconds of the server's processor time. */
async function costOf({ url, cpu }: Instance, token: string, requests: number): Promise<number> {
  const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` }
  const before = await cpu()
  const call = async () => {
    for (let nth = 0; nth < requests / CALLERS; nth++) {
      const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body: QUERY })
      if (response.status !== 200) throw new Error(await response.text())
      await response.arrayBuffer()
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, call))
  return (((await cpu()) - before) / requests) * 1e6
}

async function idle({ cpu }: Instance): Promise<number> {
  const before = await cpu()
  await new Promise((resolve) => setTimeout(resolve, IDLE_SECONDS * 1000))
  return ((await cpu()) - before) / IDLE_SECONDS
}
