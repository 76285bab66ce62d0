import { join } from 'node:path'
import pg from 'pg'
import { createCursors } from '../../src/data/log/cursor.ts'
import { developmentToken } from '../../src/server/auth/keys.ts'
import { readSettings } from '../../src/settings.ts'
import { run } from '../support/api.ts'
import { endOfLog } from '../support/events.ts'
import type { HaCluster } from './ha.ts'

/** A fleet on the cluster with its vehicles, and the tokens of those who work with it. */
export type HaWorld = {
  readonly fleetId: string
  readonly vehicles: readonly string[]
  readonly gateway: string
  readonly manager: string
  readonly viewer: string
  /** The end of the fleet's log, before anybody worked. */
  readonly start: string | null
}

const TOKEN_SECONDS = 6 * 60 * 60

export async function makeHaWorld({ urls, folder }: HaCluster, count: number): Promise<HaWorld> {
  const [url = ''] = urls
  const settings = readSettings({ DATA_DIR: join(folder, 'server') })
  const token = (fleetId: string | null, role: string) => developmentToken(settings, fleetId, [role], TOKEN_SECONDS)
  const fleetId = (await run(url, await token(null, 'admin'), 'createFleet', { name: 'Fleet' })).fleet.id as string
  const [gateway, manager, viewer] = [
    await token(null, 'gateway'),
    await token(fleetId, 'manager'),
    await token(fleetId, 'viewer'),
  ]
  const vehicles: string[] = []
  for (let n = 0; n < count; n++) vehicles.push((await run(url, manager, 'createVehicle', {})).vehicle.id as string)
  return { fleetId, vehicles, gateway, manager, viewer, start: await endOfLog(url, viewer) }
}

/** The log of the fleet from the start on, as the database has it. */
export type HaLog = {
  /** Of its events in their order: the position and the tag. */
  readonly places: readonly string[]
  /** The place in a cursor. */
  readonly placeOf: (cursor: string) => string
  /** The number of events by request id. */
  readonly found: ReadonlyMap<string, number>
}

type Row = { readonly position: string; readonly tag: number; readonly request_id: string | null }

export async function readHaLog({ adminUrl }: HaCluster, { fleetId, start }: HaWorld): Promise<HaLog> {
  const db = new pg.Client({ connectionString: adminUrl })
  await db.connect()
  const key = await db.query<{ value: Buffer }>("SELECT value FROM secret WHERE name = 'cursor'")
  const cursors = createCursors(key.rows[0]?.value ?? Buffer.alloc(16))
  const { rows } = await db.query<Row>(
    'SELECT position, tag, request_id FROM event WHERE owner_id = $1 AND position > $2 ORDER BY position',
    [fleetId, start === null ? 0 : cursors.openEvent(start)?.position],
  )
  await db.end()
  const found = new Map<string, number>()
  for (const { request_id: id } of rows) if (id !== null) found.set(id, (found.get(id) ?? 0) + 1)
  return {
    places: rows.map(({ position, tag }) => `${position} ${tag}`),
    placeOf: (cursor) => {
      const place = cursors.openEvent(cursor)
      return `${place?.position} ${place?.tag}`
    },
    found,
  }
}
