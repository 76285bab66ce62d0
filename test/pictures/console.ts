import type { Locator } from 'playwright-core'
import { ask, run } from '../support/api.ts'
import type { Surf } from '../support/browser.ts'
import { sendCommand } from '../support/gateway.ts'

type Fleets = { readonly url: string; readonly owner: string; readonly partner: string }

const HOUR_MS = 60 * 60 * 1000
const inHours = (hours: number) => new Date(Date.now() + hours * HOUR_MS).toISOString()

/** Both fleets with vehicles that they have lent each other, and the events of a command. */
export async function pictureOfConsole({ open }: Surf, { url, owner, partner }: Fleets): Promise<Buffer> {
  await lendSome(url, owner, 'DE3P4', 6)
  await lendSome(url, partner, '78LMK', 3)
  const page = await open('/console')
  const columns = ['ShareOne', 'ShareTwo'].map((name) => page.getByRole('region', { name, exact: true }))
  await Promise.all(columns.map(isLive))
  const dispatched = columns.map((column) => column.getByRole('log').getByText('unlock central lock: succeeded'))

  await run(url, owner, 'startSharing', { vehicleId: 'FK852', fleetId: 'DE3P4', endsAt: inHours(3) })
  await run(url, owner, 'startSharing', {
    vehicleId: 'FK852',
    fleetId: 'DE3P4',
    startsAt: inHours(5),
    endsAt: inHours(7),
  })
  await sendCommand(url, partner, { vehicleId: 'FK852', type: 'UNLOCK_CENTRAL_LOCK', timeoutSeconds: 60 })
  await Promise.all(dispatched.map((line) => line.waitFor()))
  await page.getByRole('img', { name: /^Map of 3\d vehicles/ }).waitFor()
  for (const column of columns) await column.getByRole('combobox', { name: 'Span' }).selectOption('1 day')
  await page.setViewportSize({ width: 1360, height: 1200 })
  return page.screenshot()
}

const isLive = (column: Locator) => column.getByRole('status').getByText('live', { exact: true }).waitFor()

/** Lends vehicles of the fleet that `token` is of, each for some hours; not FK852, which the picture is about. */
async function lendSome(url: string, token: string, fleetId: string, count: number): Promise<void> {
  const { vehicles } = await ask(url, token, '{ vehicles(first: 100, filter: { relation: OWNED }) { nodes { id } } }')
  const ids = (vehicles.nodes as { id: string }[]).map(({ id }) => id).filter((id) => id !== 'FK852')
  for (const [n, vehicleId] of ids.slice(0, count).entries()) {
    await run(url, token, 'startSharing', { vehicleId, fleetId, endsAt: inHours(n + 2) })
  }
}
