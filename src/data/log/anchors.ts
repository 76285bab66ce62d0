import type { Query, Statement } from '../database/statement.ts'
import type { Anchor } from '../services.ts'

/** The newest events, and further back one at each power of two, so that a split is found to within what was lost. */
const ANCHORS: Statement = {
  name: '',
  text: `SELECT position, COALESCE(tag, 0) AS tag FROM (
      (SELECT k.position, k.tag FROM event AS k WHERE k.position <= $1::bigint ORDER BY k.position DESC LIMIT 1000)
      UNION ALL
      (SELECT k.position, k.tag FROM generate_series(10, 44) AS power CROSS JOIN LATERAL (
        SELECT k.position, k.tag FROM event AS k WHERE k.position <= $1::bigint - (1::bigint << power)
        ORDER BY k.position DESC LIMIT 1) AS k)
    ) AS anchors`,
}

/** The last of some events that is still in the log. $1 their positions, $2 their tags. */
const LAST_KEPT: Statement = {
  name: '',
  text: `SELECT max(known.position) AS position FROM unnest($1::bigint[], $2::bigint[]) AS known(position, tag)
    WHERE EXISTS (SELECT FROM event AS k
      WHERE k.position = known.position AND COALESCE(k.tag, 0) = known.tag OFFSET 0)`,
}

type Row = { readonly position: string; readonly tag: number }

/** Some of the events up to a position. */
export const readAnchors = async (query: Query, upTo: number): Promise<Anchor[]> =>
  (await query<Row>(ANCHORS, [upTo])).map(({ position, tag }) => ({ position: Number(position), tag }))

/** @returns the position of the last of these events that is still in the log; null if none is */
export async function lastKept(query: Query, anchors: readonly Anchor[]): Promise<number | null> {
  const values = [anchors.map(({ position }) => position), anchors.map(({ tag }) => tag)]
  const [row] = await query<{ position: string | null }>(LAST_KEPT, values)
  return row?.position == null ? null : Number(row.position)
}
