import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { build, preview } from 'vite'
import type { PreviewServer } from 'vite'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { run } from '../support/api.ts'
import { hasBrowser, launchBrowser, surf } from '../support/browser.ts'
import type { Surf } from '../support/browser.ts'
import { report, reportAt } from '../support/gateway.ts'
import { freePort } from '../support/ports.ts'
import { startServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'
import { makeWorld } from '../support/world.ts'
import type { World } from '../support/world.ts'

const root = join(import.meta.dirname, 'app')

describe.skipIf(!hasBrowser('The app in React'))('the app in React, in a browser,', () => {
  let folder: string
  let site: PreviewServer
  let origin: string
  let browser: Browser
  let server: TestServer
  let world: World
  let surfing: Surf

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fleetshare-app-'))
    await build({ root, build: { outDir: folder, emptyOutDir: true } })
    const port = await freePort()
    site = await preview({ root, build: { outDir: folder }, preview: { host: '127.0.0.1', port, strictPort: true } })
    origin = `http://127.0.0.1:${port}`
    browser = await launchBrowser()
  })
  afterAll(async () => {
    await browser?.close()
    await site?.close()
    await rm(folder, { recursive: true, force: true })
  })
  beforeEach(async () => {
    server = await startServer()
    world = await makeWorld(server)
    surfing = await surf(browser, origin, {}, server.url)
  })
  afterEach(async () => {
    await surfing.context.close()
    await server.close()
    expect(surfing.wrongs).toEqual([])
  })

  /** The app of a party that is signed in and hears of what happens. */
  async function open(party: 'owner' | 'partner' = 'owner'): Promise<Page> {
    const page = await surfing.open('/')
    await page.getByLabel('Server').fill(server.url)
    await page.getByLabel('Token').fill(world.as[party])
    await page.getByRole('button', { name: 'Sign in' }).click()
    await status(page, 'live')
    return page
  }
  const status = (page: Page, text: string) => page.getByRole('status').getByText(text, { exact: true }).waitFor()
  const rows = (page: Page) => page.getByRole('list', { name: 'Vehicles' }).getByRole('listitem')
  const row = (page: Page, text: string) => rows(page).filter({ hasText: text })
  const lend = (vehicleId: string) =>
    run(server.url, world.as.owner, 'startSharing', { vehicleId, fleetId: world.partner })
  const giveBack = (vehicleId: string) => run(server.url, world.as.partner, 'endSharing', { vehicleId })

  it('searches, and loads more of a list as it is scrolled', async () => {
    for (let n = 10; n < 60; n++) await world.newVehicle({ name: `Car ${n}`, licensePlate: `M-${n}` })
    const page = await open()
    await row(page, 'Car 10').waitFor()
    expect(await row(page, 'Car').count()).toBe(20)
    for (const next of ['Car 30', 'Car 50']) {
      await page.getByRole('list', { name: 'Vehicles' }).evaluate((list) => list.scrollTo(0, list.scrollHeight))
      await row(page, next).waitFor()
    }
    expect(await rows(page).count()).toBe(50)

    await page.getByLabel('Search').fill('m 42')
    await row(page, 'Car 10').waitFor({ state: 'detached' })
    expect(await rows(page).allInnerTexts()).toEqual(['Car 42 at home'])
    await page.getByLabel('Search').fill('')
    await row(page, 'Car 10').waitFor()
  })

  it('shows what happens: readings, sharings, vehicles that come and go', async () => {
    const [lent, driven] = [await world.newVehicle({ name: 'Ada' }), await world.newVehicle({ name: 'Zoe' })]
    const [owner, partner] = [await open('owner'), await open('partner')]
    await row(owner, 'Ada at home').waitFor()
    expect(await rows(partner).count()).toBe(0)

    await lend(lent)
    await row(owner, 'Ada shared with Partner').waitFor()
    await row(partner, 'Ada shared with Partner').waitFor()
    const gateway = await server.token(null, 'gateway')
    await report(server.url, gateway, [reportAt(driven, 'one', Date.now(), { speedKmh: 33 })])
    await row(owner, 'Zoe at home, 33 km/h').waitFor()

    await owner.getByRole('button', { name: 'Ada' }).click()
    await owner.getByRole('list', { name: 'Sharings' }).getByText('ACTIVE: Partner').waitFor()
    await giveBack(lent)
    await owner.getByRole('list', { name: 'Sharings' }).getByText('ENDED: Partner').waitFor()
    await row(owner, 'Ada at home').waitFor()
    await row(partner, 'Ada').waitFor({ state: 'detached' })
    await world.newVehicle({ name: 'Eve' })
    await row(owner, 'Eve').waitFor()
  })

  it('lends before the server has answered, and takes back what is refused', async () => {
    await world.newVehicle({ name: 'Ada' })
    const page = await open()
    const answer = Promise.withResolvers<void>()
    await page.route(`${server.url}/graphql`, async (route) => {
      if (route.request().postData()?.includes('mutation StartSharing')) await answer.promise
      await route.fallback()
    })
    await page.getByRole('button', { name: 'Ada' }).click()
    await page.getByRole('button', { name: 'Lend to Partner' }).waitFor()
    await run(server.url, world.as.admin, 'endPartnership', { fleetIds: [world.owner, world.partner] })
    await page.getByRole('button', { name: 'Lend to Partner' }).click()
    await row(page, 'Ada shared with Partner').waitFor()
    await page.getByText('In the hands of Partner').waitFor()
    answer.resolve()
    await page.getByRole('alert').getByText('NOT_A_PARTNER').waitFor()
    await row(page, 'Ada at home').waitFor()
    await page.getByText('At home', { exact: true }).waitFor()

    await run(server.url, world.as.admin, 'registerPartnership', { fleetIds: [world.owner, world.partner] })
    await page.getByRole('button', { name: 'Lend to Partner' }).click()
    await page.getByRole('list', { name: 'Sharings' }).getByText('ACTIVE: Partner').waitFor()
    await row(page, 'Ada shared with Partner').waitFor()
    expect(await page.getByRole('alert').count()).toBe(0)
  })

  it('goes on behind the last event when the server is back', async () => {
    const ids = [await world.newVehicle({ name: 'Ada' }), await world.newVehicle({ name: 'Zoe' })] as const
    const page = await open()
    await row(page, 'Ada at home').waitFor()
    await lend(ids[0])
    await row(page, 'Ada shared with Partner').waitFor()

    const { settings, url } = server
    await server.app.close()
    await status(page, 'connecting')
    const database = { databaseUrl: settings.databaseUrl ?? '', dataDir: settings.dataDir }
    // Another instance serves what happens while the page hears nothing.
    const other = await startServer(database)
    await run(other.url, world.as.partner, 'endSharing', { vehicleId: ids[0] })
    await run(other.url, world.as.owner, 'startSharing', { vehicleId: ids[1], fleetId: world.partner })
    await other.close()
    server = await startServer({ ...database, env: { PORT: new URL(url).port } })
    await status(page, 'live')
    await row(page, 'Ada at home').waitFor()
    await row(page, 'Zoe shared with Partner').waitFor()
    surfing.forgive(/WebSocket connection to .* failed/)
  })
})
