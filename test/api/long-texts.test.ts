import { describe, expect, it } from 'vitest'
import { run } from '../support/api.ts'
import { findVehicles, ORDERS } from '../support/finding.ts'
import type { Order } from '../support/finding.ts'
import { DATABASE_KINDS, serverForAll } from '../support/server.ts'
import { makeWorld } from '../support/world.ts'

/** As long as a text may be, of characters of four bytes that no compression makes shorter: together too long for an index. */
const long = (text: string) => {
  const ideographs = Array.from({ length: 200 - Array.from(text).length }, (_, n) =>
    String.fromCodePoint(0x20000 + ((n * n * 7919 + n * 104_729 + (text.codePointAt(0) ?? 0) * 1_299_709) % 42_000)),
  )
  return ideographs.join('') + text
}

describe.each(DATABASE_KINDS)('a shared vehicle with the longest texts on %s', async (database) => {
  const server = await serverForAll({ database, announce: false })
  const { url } = server

  it('is found by owner and partner, in each order, as it is now', async () => {
    const world = await makeWorld(server)
    const found = async (search: string, orderBy: Order): Promise<string[]> => {
      const page = await findVehicles(url, world.as.partner, { filter: { search, relation: 'SHARED_IN' }, orderBy })
      const filter = { search, relation: 'SHARED_OUT', partnerId: world.partner }
      const { ids, totalCount } = await findVehicles(url, world.as.owner, { filter, orderBy })
      expect({ ids, totalCount }).toEqual({ ids: page.ids, totalCount: page.totalCount })
      return page.ids
    }
    const fields = { name: long('Eins'), licensePlate: long('Zwei'), vin: long('Drei'), brand: long('Vier') }
    const id = await world.newVehicle({ ...fields, model: long('Fünf') })
    await run(url, world.as.owner, 'startSharing', { vehicleId: id, fleetId: world.partner })
    for (const orderBy of ORDERS) {
      expect(await found('EINS', orderBy)).toEqual([id])
      expect(await found('fünf', orderBy)).toEqual([id])
    }
    await run(url, world.as.owner, 'updateVehicle', { id, name: 'Sechs', vin: null, brand: null, model: null })
    for (const orderBy of ORDERS) {
      expect(await found('sechs', orderBy)).toEqual([id])
      expect(await found('fünf', orderBy)).toEqual([])
    }
    await run(url, world.as.owner, 'updateVehicle', { id, name: 'Sieben' })
    const other = await world.newVehicle({ name: 'Acht' })
    await run(url, world.as.owner, 'startSharing', { vehicleId: other, fleetId: world.partner })
    await run(url, world.as.owner, 'updateVehicle', { id: other, name: long('Neun') })
    for (const orderBy of ORDERS) {
      expect([await found('sechs', orderBy), await found('acht', orderBy)]).toEqual([[], []])
      expect([await found('sieben', orderBy), await found('neun', orderBy)]).toEqual([[id], [other]])
    }
    expect(await found('n', 'NAME')).toEqual([id, other])
    await run(url, world.as.owner, 'updateVehicle', { id: other, name: 'Neun' })
    expect(await found('n', 'NAME')).toEqual([other, id])
    await run(url, world.as.partner, 'endSharing', { vehicleId: id })
    for (const orderBy of ORDERS) expect(await found('sieben', orderBy)).toEqual([])
  })
})
