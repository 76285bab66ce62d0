import type { Fleet } from '../../domain/fleet.ts'
import type { Services } from '../services.ts'
import type { Statement } from '../database/statement.ts'
import { isId } from '../tables/ids.ts'

/** Objects that have an id which is unique over all types: triggers keep their ids in the table `node`. */
export type NodeType = 'FLEET' | 'VEHICLE' | 'SHARING' | 'COMMAND'

const TYPES: Statement = { name: 'node_types', text: 'SELECT id, type FROM node WHERE id = ANY($1::text[])' }

/** The types of the objects that have these ids, visible or not; null for an id that nothing has. */
export async function nodeTypes({ query }: Services, ids: readonly string[]): Promise<(NodeType | null)[]> {
  const rows = await query<{ id: string; type: NodeType }>(TYPES, [ids.filter(isId)])
  const types = new Map(rows.map(({ id, type }) => [id, type]))
  return ids.map((id) => types.get(id) ?? null)
}

const RELATED: Statement = {
  name: 'related_fleets',
  text: `SELECT f.id, f.name FROM fleet AS f WHERE f.id = ANY($1::text[]) AND (f.id = $2
    OR EXISTS (SELECT FROM partnership AS p WHERE p.fleet_id = $2 AND p.partner_id = f.id)
    OR EXISTS (SELECT FROM sharing AS s WHERE s.owner_id = $2 AND s.partner_id = f.id OFFSET 0)
    OR EXISTS (SELECT FROM sharing AS s WHERE s.owner_id = f.id AND s.partner_id = $2 OFFSET 0))`,
}

/** Of these, the fleet itself, its partners, and the other parties of its sharings, past ones included. */
export const listRelatedFleets = ({ query }: Services, fleetId: string, ids: readonly string[]): Promise<Fleet[]> =>
  query<Fleet>(RELATED, [ids.filter(isId), fleetId])

const PARTNERS: Statement = {
  name: 'partners_among',
  text: 'SELECT partner_id AS id FROM partnership WHERE fleet_id = $1 AND partner_id = ANY($2::text[])',
}

/** Of these, the partners of the fleet. */
export const partnersAmong = async (
  { query }: Services,
  fleetId: string,
  ids: readonly string[],
): Promise<readonly string[]> =>
  (await query<{ id: string }>(PARTNERS, [fleetId, ids.filter(isId)])).map(({ id }) => id)
