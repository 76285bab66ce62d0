import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import type { Browser, Locator, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { seedDemoWorld } from '../../prisma/seed.ts'
import { hasBrowser, launchBrowser, surf } from '../support/browser.ts'
import type { Surf } from '../support/browser.ts'
import { run } from '../support/api.ts'
import { report, reportAt } from '../support/gateway.ts'
import { startServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'

const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const [OWNER, PARTNER] = ['78LMK', 'DE3P4']

describe.skipIf(!hasBrowser('The console'))('the console in a browser', () => {
  let server: TestServer
  let browser: Browser
  let surfing: Surf

  beforeAll(async () => {
    browser = await launchBrowser()
  })
  afterAll(() => browser?.close())
  beforeEach(async () => {
    server = await startServer({ database: 'embedded' })
    await seedDemoWorld(server.app.prisma)
    surfing = await surf(browser, server.url)
  })
  afterEach(async () => {
    await surfing.context.close()
    await server.close()
    expect(surfing.wrongs).toEqual([])
  })

  /** The page with both fleets live, and one column for each. */
  async function open(): Promise<{ page: Page; owner: Locator; partner: Locator }> {
    const page = await surfing.open('/console')
    const [owner, partner] = [columnOf(page, 'ShareOne'), columnOf(page, 'ShareTwo')]
    await Promise.all([owner, partner].map((column) => isLive(column)))
    return { page, owner, partner }
  }
  const columnOf = (page: Page, name: string) => page.getByRole('region', { name, exact: true })
  const isLive = (column: Locator) => column.getByRole('status').getByText('live', { exact: true }).waitFor()
  const press = (column: Locator, name: string) => column.getByRole('button', { name, exact: true }).click()
  const panelOf = (column: Locator) => column.getByRole('region', { name: 'Vehicle FK852' })
  // Of FK852: the demo world has a sharing of its own.
  const log = (column: Locator, text: string) =>
    column.getByRole('log').getByRole('listitem').filter({ hasText: 'FK852' }).getByText(text)
  const cursorOf = (column: Locator) => column.locator('.cursor').innerText()

  /** Reports positions of some of the owner's vehicles, as a gateway. */
  async function place(
    places: readonly (readonly [id: string, latitude: number, longitude: number])[],
    at = Date.now(),
  ): Promise<void> {
    const gateway = await server.token(null, 'gateway')
    const reports = places.map(([id, latitude, longitude], n) =>
      reportAt(id, `${id} ${n} ${latitude}`, at, { position: { latitude, longitude }, speedKmh: 12 }),
    )
    expect(await report(server.url, gateway, reports)).toMatchObject({ recorded: places.length })
  }

  it('shows both fleets how control of a vehicle passes, and passes back', async () => {
    const { owner, partner } = await open()
    await panelOf(owner).getByText('ShareOne controls it').waitFor()
    await panelOf(partner).getByText('does not see this vehicle').waitFor()

    await press(owner, 'Lend')
    for (const column of [owner, partner]) {
      await panelOf(column).getByText('ShareTwo controls it; ShareOne owns it').waitFor()
      await log(column, 'sharing started, ShareTwo').waitFor()
      await column.getByRole('radio', { name: 'FK852 Market 1 controlled by ShareTwo' }).waitFor()
    }
    const command = owner.getByRole('group', { name: 'Command' })
    await command.getByText('SHARED_WITH_PARTNER The vehicle is shared with a partner').waitFor()
    expect(await owner.getByRole('button', { name: 'Send' }).isDisabled()).toBe(true)

    await partner.getByRole('combobox', { name: 'Command' }).selectOption('lock central lock')
    await press(partner, 'Send')
    for (const column of [owner, partner]) await log(column, 'lock central lock: pending').waitFor()

    await owner.getByRole('combobox', { name: 'New end' }).selectOption('in 10 min')
    await press(owner, 'Move the end')
    for (const column of [owner, partner]) await panelOf(column).getByText('due in 10 min').waitFor()

    await press(partner, 'End now')
    await panelOf(owner).getByText('ShareOne controls it').waitFor()
    await panelOf(partner).getByText('does not see this vehicle').waitFor()
    // The result is announced, and the focus stays in the panel, although the pressed button has disappeared.
    await panelOf(partner).getByRole('status').getByText('The sharing has ended.').waitFor()
    await panelOf(partner).locator('h3:focus').getByText('FK852').waitFor()
    for (const column of [owner, partner]) {
      await log(column, 'sharing ended, ShareTwo: ended by partner').waitFor()
      await panelOf(column).getByText('ended by partner').waitFor()
    }
    await log(owner, 'lock central lock: cancelled by handover').waitFor()
  })

  it('resumes after the last event when it reconnects', async () => {
    const { page, owner, partner } = await open()
    await press(owner, 'Lend')
    await log(partner, 'sharing started').waitFor()
    const before = await cursorOf(partner)
    await press(partner, 'Cut the connection')
    await partner.getByText('cut: events wait in the log').waitFor()

    const as = await server.token(OWNER, 'manager')
    await run(server.url, as, 'updateSharingEnd', { vehicleId: 'FK852', endsAt: '2099-01-01T00:00:00Z' })
    await place([['FK852', 53.55, 10]])
    await run(server.url, as, 'endSharing', { vehicleId: 'FK852' })
    await log(owner, 'ended by owner').waitFor()
    expect(await log(partner, 'ended by owner').count()).toBe(0)
    expect(await cursorOf(partner)).toBe(before)

    await press(partner, 'Resume')
    await log(partner, 'ended by owner').waitFor()
    const late = partner.getByRole('listitem').filter({ hasText: 'caught up' })
    expect((await late.allInnerTexts()).map((line) => /sharing \w+ ?\w+/.exec(line)?.[0])).toEqual([
      'sharing ended',
      'sharing end changed',
    ])
    // The two events, and the readings reported between them.
    await partner.getByText('3 caught up').waitFor()
    expect(await log(partner, 'sharing started').count()).toBe(1)

    await page
      .getByRole('radio', { name: /^FK852/ })
      .first()
      .waitFor()
    await panelOf(partner).getByText('does not see this vehicle').waitFor()
  })

  it('reconnects by itself when the server is back', async () => {
    const { partner } = await open()
    const { dataDir } = server.settings
    await server.app.close()
    await partner.getByText('Trying again').waitFor()
    const again = await startServer({ database: 'embedded', dataDir, env: { PORT: new URL(server.url).port } })
    await isLive(partner)
    await run(again.url, await again.token(OWNER, 'manager'), 'startSharing', { vehicleId: 'FK852', fleetId: PARTNER })
    await log(partner, 'sharing started').waitFor()
    await surfing.context.close()
    await again.close()
    surfing.forgive(/net::ERR_CONNECTION_(RESET|REFUSED)/)
  })

  it('draws vehicles at their positions, and moves them', async () => {
    await place([
      ['FK852', 53.55, 10],
      ['AN575', 53.56, 10.02],
      ['BK392', 53.54, 9.98],
    ])
    const { page, owner } = await open()
    await owner.getByRole('img', { name: 'Map of 3 vehicles: 3 own, 0 lent out, 0 borrowed.' }).waitFor()
    const marker = owner.locator('.marker.selected')
    const placeOf = async () => (await marker.boundingBox()) ?? { x: 0, y: 0 }
    const from = await placeOf()
    await page.emulateMedia({ reducedMotion: 'reduce' })
    await place([['FK852', 53.555, 10.01]])
    await expect.poll(async () => (await placeOf()).x).toBeGreaterThan(from.x)
    const to = await placeOf()
    expect(to.y).toBeLessThan(from.y)
    // A late report is in the log, but does not move the vehicle.
    await place([['FK852', 53.545, 9.99]], Date.now() - 60_000)
    await owner.locator('dd', { hasText: /^2$/ }).waitFor()
    expect(await placeOf()).toEqual(to)
    await owner.locator('.marker', { hasText: 'AN575' }).click()
    expect(await owner.getByRole('radio', { name: /^AN575/ }).isChecked()).toBe(true)
  })

  it('tells that it shows only the first vehicles of many', async () => {
    const now = new Date()
    await server.app.prisma.vehicle.createMany({
      data: Array.from({ length: 1_000 }, (_, n) => ({
        id: `Z${n}`,
        ownerId: OWNER,
        supportedCommands: [],
        lastInstant: now,
        createdAt: now,
      })),
    })
    const { owner, partner } = await open()
    await owner.getByText('These are the first 1,000 vehicles.').waitFor()
    expect(await partner.getByText('These are the first').count()).toBe(0)
  })

  it('can be used with the keyboard alone', async () => {
    const { page, owner } = await open()
    const focused = () => page.evaluate(() => document.activeElement?.textContent ?? '')
    await owner.getByRole('searchbox', { name: 'Find a vehicle' }).focus()
    await page.keyboard.type('Park')
    await page.keyboard.press('Tab')
    await page.keyboard.press('ArrowDown')
    const chosen = owner.getByRole('radio', { checked: true })
    const [, id = ''] =
      /^(\w+)\s+Park/.exec(await chosen.evaluate((radio) => radio.closest('label')?.innerText ?? '')) ?? []
    expect(id).toMatch(/^[A-Z]{2}\d{3}$/)
    for (let presses = 0; (await focused()) !== 'Lend' && presses < 8; presses++) await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await owner.getByRole('log').getByRole('listitem').filter({ hasText: id }).getByText('sharing started').waitFor()
  })

  it.each(['light', 'dark'] as const)('is accessible in %s colours', async (colorScheme) => {
    await place([['FK852', 53.55, 10]])
    const { page, owner, partner } = await open()
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await press(owner, 'Lend')
    await log(partner, 'sharing started').waitFor()
    await press(partner, 'Cut the connection')
    const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor)
    expect(background).toBe(colorScheme === 'light' ? 'rgb(243, 244, 246)' : 'rgb(13, 17, 23)')
    // The debugging protocol is not subject to the page's content security policy, which forbids foreign scripts.
    const session = await surfing.context.newCDPSession(page)
    await session.send('Runtime.evaluate', { expression: AXE })
    const { result } = await session.send('Runtime.evaluate', {
      expression: 'axe.run().then(JSON.stringify)',
      awaitPromise: true,
    })
    const { violations, passes } = JSON.parse(String(result.value)) as AxeResults
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)).toEqual([])
    expect(passes.map(({ id }) => id)).toEqual(expect.arrayContaining(['color-contrast', 'label', 'button-name']))
  })

  it('accepts an access token, and shows why one is refused', async () => {
    const { page, owner } = await open()
    await press(owner, 'Change fleet')
    const entry = page.getByRole('region', { name: 'Choose the first fleet' })
    const isFocused = (name: string) => page.locator('h2:focus').getByText(name).waitFor()
    await isFocused('First fleet')
    const enter = async (token: string) => {
      await entry.getByLabel('Access token').fill(token)
      await press(entry, 'Follow')
    }
    await enter(`Bearer ${await server.token('Q7X2B', 'viewer')}`)
    const lone = columnOf(page, 'LoneWheels')
    await isLive(lone)
    await isFocused('LoneWheels')
    await lone.getByRole('group', { name: 'Command' }).getByText('ROLE_NOT_SUFFICIENT').waitFor()
    await press(lone, 'Change fleet')
    await enter(await server.token(null, 'admin'))
    await page.getByText('The token does not allow this.').waitFor()
  })
})
