import { afterEach, describe, expect, it, vi } from 'vitest'
import { ask, run } from '../support/api.ts'
import { DATABASE_KINDS, serverForAll } from '../support/server.ts'
import { makeWorld } from '../support/world.ts'

afterEach(() => void vi.restoreAllMocks())

describe.each(DATABASE_KINDS)('on %s', async (database) => {
  const server = await serverForAll({ database })
  const { as, partner, newVehicle } = await makeWorld(server)

  it.each([90_000, -90_000])('a step of the process by %d ms moves neither control nor access', async (step) => {
    const right = Date.now.bind(Date)
    vi.spyOn(Date, 'now').mockImplementation(() => right() + step)
    const vehicleId = await newVehicle()
    const endsAt = new Date(right() + 600_000).toISOString()
    const { sharing } = await run(server.url, as.owner, 'startSharing', { vehicleId, fleetId: partner, endsAt })
    expect(sharing).toMatchObject({ phase: 'ACTIVE' })
    // The embedded database has no clock but that of the process.
    const moved = database === 'embedded' ? step : 0
    expect(Math.abs(Date.parse(sharing.startsAt) - right() - moved)).toBeLessThan(10_000)
    const read = 'query ($id: ID!) { vehicle(id: $id) { sharing { phase } } vehicles { nodes { id } } }'
    const data = await ask(server.url, as.partner, read, { id: vehicleId })
    expect(data.vehicle).toEqual({ sharing: { phase: 'ACTIVE' } })
    expect(data.vehicles.nodes).toContainEqual({ id: vehicleId })
  })
})
