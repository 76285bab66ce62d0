import { ask } from './api.ts'
import type { Answer, Variables } from './api.ts'
import type { TestServer } from './server.ts'

export const TEXTS = ['name', 'licensePlate', 'vin', 'brand', 'model'] as const
export type Text = (typeof TEXTS)[number]

export const ORDERS = ['ID', 'LICENSE_PLATE', 'NAME', 'LAST_CONTACT'] as const
export type Order = (typeof ORDERS)[number]

export const FIND = `query ($first: Int, $after: String, $last: Int, $before: String, $filter: VehicleFilter, $orderBy: VehicleOrder) {
  vehicles(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $orderBy) {
    totalCount edges { cursor node { id } } nodes { id name licensePlate vin brand model }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`

/** A page of vehicles, after seeing that what it says twice agrees; `ids` beside it. */
export async function findVehicles(url: string, token: string, args: Variables): Promise<Answer['data']> {
  const page = (await ask(url, token, FIND, args)).vehicles
  const ids: string[] = page.nodes.map(({ id }: { id: string }) => id)
  const edges: { cursor: string; node: { id: string } }[] = page.edges
  if (edges.map(({ node }) => node.id).join() !== ids.join()) throw new Error('edges and nodes differ')
  if (page.pageInfo.startCursor !== (edges[0]?.cursor ?? null)) throw new Error('startCursor is not of the first edge')
  if (page.pageInfo.endCursor !== (edges.at(-1)?.cursor ?? null)) throw new Error('endCursor is not of the last edge')
  return { ...page, ids }
}

/** The ids of all vehicles that a search finds, in the order of ids. */
export const found = async (url: string, token: string, search: string): Promise<string[]> =>
  (await findVehicles(url, token, { first: 100, filter: { search } })).ids as string[]

/** A text as searches compare it: composed, without spaces and dashes, and with the case of each character folded in full. */
export const folded = (text: string): string =>
  Array.from(text.replaceAll(/[\p{White_Space}\p{Dash_Punctuation}]/gu, ''), (character) =>
    character.toLowerCase().toUpperCase().toLowerCase(),
  )
    .join('')
    .normalize('NFC')

/** By the numbers of their characters in Unicode, which is the order of their bytes. */
export const byCharacters = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

/** Puts vehicles into a fleet past the API, for there are many. @returns their ids */
export async function storeVehicles(
  { app }: TestServer,
  ownerId: string,
  vehicles: readonly (Readonly<Record<Text, string | null>> & { readonly id: string })[],
): Promise<void> {
  await app.prisma.$executeRaw`
    INSERT INTO vehicle (id, owner_id, name, license_plate, vin, brand, model, supported_commands, last_instant, created_at)
    SELECT v->>'id', ${ownerId}, v->>'name', v->>'licensePlate', v->>'vin', v->>'brand', v->>'model', '{}', now(), now()
    FROM jsonb_array_elements(${JSON.stringify(vehicles)}::text::jsonb) AS v`
}

/** Shares an owner's vehicles with a partner for an open time, past the API. */
export async function storeSharings(
  { app }: TestServer,
  partnerId: string,
  vehicleIds: readonly string[],
): Promise<void> {
  await app.prisma.$executeRaw`
    INSERT INTO sharing (id, vehicle_id, owner_id, partner_id, starts_at, started_at, start_recorded, created_at)
    SELECT 'of-' || v.id, v.id, v.owner_id, ${partnerId}, t.at, t.at, TRUE, t.at
    FROM vehicle AS v, LATERAL (SELECT now() - interval '1 hour' AS at) AS t WHERE v.id = ANY (${vehicleIds})`
}
