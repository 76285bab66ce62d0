import { decide } from '../../../src/data/decisions/decide.ts'
import type { Requester } from '../../../src/data/decisions/decide.ts'
import { change } from '../../../src/data/decisions/commit.ts'
import { storedSharing } from '../../../src/data/decisions/snapshot.ts'
import { listSharingsOf } from '../../../src/data/queries/lists.ts'
import { readKept } from '../../../src/data/verify/kept.ts'
import { sharingEvent } from '../../../src/domain/log/event.ts'
import type { Sharing } from '../../../src/domain/sharing.ts'
import { openData } from '../../support/data.ts'
import { aSharing, aVehicle } from '../../support/sharings.ts'

// A program that new-column.test.ts runs in its copy of the source: node carried.ts URL. The copy's sharings have a note.
type Noted = Sharing & { readonly note?: string | null }

const [databaseUrl = ''] = process.argv.slice(2)
const { prisma, services, close } = await openData({ databaseUrl, dataDir: '' })
const by: Requester = { member: { fleetId: 'owner', role: 'MANAGER' }, subject: null, requestId: 'request' }
const page = { after: null, before: null, limit: 10, backwards: false }
const everything = { phase: null, status: null, vehicleId: null }

await prisma.fleet.createMany({ data: ['owner', 'partner'].map((id) => ({ id, name: id })) })
await prisma.partnership.create({ data: { fleetId: 'owner', partnerId: 'partner' } })
const { id: vehicleId } = await prisma.vehicle.register(by, aVehicle())

const { sharingId } = await decide(
  services,
  by,
  { kind: 'startSharing' },
  { vehicleId, partnerId: 'partner', handover: true },
  ({ id, moment, changes, events }) => {
    const startsAt = moment.at
    const times = { startsAt, endsAt: null, createdAt: startsAt, startRecorded: true }
    const sharing: Noted = { ...aSharing({ id, vehicleId, ...times }), note: 'first' }
    change(changes.sharings, sharing, true)
    events.push(sharingEvent('SHARING_STARTED', sharing, moment))
    return { sharingId: id }
  },
)
const inserted = await notes()

await decide(
  services,
  by,
  { kind: 'updateSharingEnd', sharingId },
  { vehicleId, sharingId, handover: false },
  ({ control, moment, changes, events }) => {
    for (const sharing of control.sharings) {
      const noted: Noted = { ...sharing, note: 'second' }
      change(changes.sharings, noted)
      events.push(sharingEvent('SHARING_END_CHANGED', noted, moment))
    }
  },
)
const updated = await notes()
await close()
console.log(JSON.stringify({ inserted, updated }))

/** The sharing's note, by each way in which sharings are read. */
async function notes(): Promise<Record<string, string | null | undefined>> {
  const now = prisma.$now()
  const vehicle = await services.openVehicles.vehicle(vehicleId, now)
  const snapshot = await services.snapshots({ vehicleId })
  const [ofVehicle] = await listSharingsOf(services, 'owner', [vehicleId], page)
  const kept = await services.transaction(async ({ query }) => {
    for await (const { sharings } of readKept(query)) return sharings
    return []
  })
  const read: Record<string, Noted | null | undefined> = {
    vehicle: vehicle?.sharings[0],
    snapshot: snapshot?.sharings[0],
    stored: await storedSharing(services, sharingId),
    page: (await prisma.sharing.page('owner', now, everything, page))[0],
    ofVehicle: ofVehicle?.[0],
    loader: await prisma.$loaders('owner', now).sharing.load(sharingId),
    verified: kept[0],
  }
  return Object.fromEntries(Object.entries(read).map(([way, sharing]) => [way, sharing?.note]))
}
