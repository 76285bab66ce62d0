import { ask } from '../support/api.ts'
import type { Arena } from './arena.ts'
import { median, note, promise, summary } from './figures.ts'

type Options = {
  /** Of one fleet. */
  readonly vehicles: number
  /** So many of them are lent. */
  readonly lent: number
  readonly rounds: number
}

/** What a page that is searched for may take, beside a page by id. */
const MOST = 3
const WARM_ROUNDS = 5

const page = (args: string, extra = '') => `{ vehicles(first: 50${args}) { ${extra} nodes { id name } } }`
const search = (text: string) => `, filter: { search: "${text}" }`

const BY_ID = 'by id'
const SEARCHES: Readonly<Record<string, string>> = {
  'one matches': page(search('AB 77777')),
  'some match': page(search('station 12345')),
  'all match': page(search('station')),
  'two letters': page(search('st')),
  'none matches': page(search('zzz')),
}
const OTHERS: Readonly<Record<string, string>> = {
  'by license plate': page(', orderBy: LICENSE_PLATE'),
  'by name': page(', orderBy: NAME'),
  'by last contact': page(', orderBy: LAST_CONTACT'),
  'some match, counted': page(search('station 123'), 'totalCount'),
  'all, counted': page('', 'totalCount'),
}

/** Pages of one large fleet: by id, searched for, in other orders, and counted. By turns, in one run. */
export async function measureSearch(arena: Arena, { vehicles, lent, rounds }: Options): Promise<void> {
  const { url } = await arena.start()
  await fill(arena, vehicles, lent)
  const token = await arena.token('A', 'viewer')
  const pages = Object.entries({ [BY_ID]: page(''), ...SEARCHES, ...OTHERS })
  const took = new Map(pages.map(([name]) => [name, [] as number[]]))
  for (let round = 0; round < WARM_ROUNDS + rounds; round++) {
    for (const [name, query] of pages) {
      const begun = performance.now()
      await ask(url, token, query)
      if (round >= WARM_ROUNDS) took.get(name)?.push(performance.now() - begun)
    }
  }
  const p50 = (name: string) => median(took.get(name) ?? [])
  const times = (name: string) => p50(name) / p50(BY_ID)
  note(`pages of 50 of ${vehicles} vehicles of one fleet, ${lent} of them lent`)
  for (const [name, values] of took)
    console.log(`  ${name.padEnd(20)} ${times(name).toFixed(1)} times, ${summary(values)}`)
  for (const name of Object.keys(SEARCHES)) promise(`${name}: within ${MOST} times a page by id`, times(name) <= MOST)
}

/** Fleet A has all the vehicles, and lends some of them to B. */
async function fill({ db }: Arena, vehicles: number, lent: number): Promise<void> {
  await db.query(`
    INSERT INTO fleet (id, name) VALUES ('A', 'A'), ('B', 'B');
    INSERT INTO partnership (fleet_id, partner_id) VALUES ('A', 'B'), ('B', 'A');
    INSERT INTO vehicle (id, owner_id, supported_commands, last_instant, created_at, name, license_plate, vin, brand, model,
      last_contact_at)
      SELECT 'V' || n, 'A', '{}', now(), now(), 'Station ' || n, 'H AB ' || n, 'WFS' || lpad(n::text, 9, '0'), 'Fiat', '500e',
        now() - n * interval '1 s'
      FROM generate_series(1, ${vehicles}) AS n;
    INSERT INTO sharing (id, vehicle_id, owner_id, partner_id, starts_at, started_at, start_recorded, created_at)
      SELECT 'S' || n, 'V' || n, 'A', 'B', now() - interval '1 hour', now() - interval '1 hour', TRUE, now()
      FROM generate_series(1, ${lent}) AS n`)
  await db.query('VACUUM ANALYZE')
}
