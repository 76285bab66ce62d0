import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { seedDemoWorld } from '../../../prisma/seed.ts'
import { stepsAt } from '../../../src/server/pages/playground-steps.ts'
import { hasBrowser, launchBrowser, surf } from '../../support/browser.ts'
import type { Surf } from '../../support/browser.ts'
import { startServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'

/** Tabs bear the names of their operations. */
const TABS = stepsAt(0).map(({ query }) => /(?:query|mutation|subscription) (\w+)/.exec(query)?.[1] ?? '')
const [FOLLOW = '', LOOK = '', SHARE = '', BORROWED = '', MOVE_END = '', GIVE_BACK = '', LOG = ''] = TABS

describe.skipIf(!hasBrowser('The playground'))('the playground in a browser', () => {
  let server: TestServer
  let browser: Browser
  let surfing: Surf
  let horizonAsked = Promise.withResolvers<void>()

  beforeAll(async () => {
    const onStatement = (sql: string) => sql.includes('log_end') && horizonAsked.resolve()
    server = await startServer({ database: 'embedded', onStatement })
    await seedDemoWorld(server.app.prisma)
    browser = await launchBrowser()
  })
  afterAll(async () => {
    await browser?.close()
    await server?.close()
  })
  beforeEach(async () => {
    surfing = await surf(browser, server.url)
  })
  afterEach(async () => {
    await surfing.context.close()
    expect(surfing.wrongs).toEqual([])
  })

  async function open(): Promise<Page> {
    const page = await surfing.open('/graphql')
    await page.getByRole('tab', { name: FOLLOW }).waitFor()
    return page
  }

  /** Turns to a tab with a single click, as people do, and presses play. */
  async function play(page: Page, tab: string): Promise<void> {
    await page.getByRole('button', { name: tab }).click()
    await page.getByRole('tab', { name: tab, selected: true }).waitFor()
    await page.getByRole('button', { name: 'Execute query' }).click()
  }

  const tabs = (page: Page) => page.getByRole('tab').allInnerTexts()

  /** What the page shows as the answer, once it is JSON that matches. */
  async function expectAnswer(page: Page, answer: object): Promise<void> {
    const lines = page.locator('.graphiql-response .view-line')
    const shown = () =>
      lines.evaluateAll((elements) => {
        const placed = elements.map((line) => ({ top: line.getBoundingClientRect().top, text: line.textContent ?? '' }))
        const text = placed.toSorted((a, b) => a.top - b.top).map((line) => line.text)
        return text.join('').replaceAll('\u00a0', ' ')
      })
    const parsed = async () => {
      const text = await shown()
      try {
        return JSON.parse(text) as unknown
      } catch {
        return text
      }
    }
    await expect.poll(parsed, { timeout: 20_000 }).toMatchObject(answer)
  }

  it('opens with a tab for each step, and again after a reload', async () => {
    const page = await open()
    expect(TABS).toHaveLength(7)
    expect(await tabs(page)).toEqual(TABS)
    await play(page, LOOK)
    await expectAnswer(page, { data: { vehicle: { id: 'FK852', sharing: null } } })
    await page.reload()
    await page.getByRole('tab', { name: FOLLOW, selected: true }).waitFor()
    expect(await tabs(page)).toEqual(TABS)
  })

  it('knows the schema and its descriptions', async () => {
    const page = await open()
    await page.getByRole('button', { name: 'Show Documentation Explorer' }).click()
    await page.getByRole('link', { name: 'Subscription', exact: true }).click()
    await page.getByText('The events that belong to the viewer').waitFor()
  })

  it('runs all steps, and shows the changes of one page live in another', async () => {
    horizonAsked = Promise.withResolvers()
    const follower = await open()
    const sockets: string[] = []
    follower.on('websocket', (socket) => sockets.push(socket.url()))
    await play(follower, FOLLOW)
    await horizonAsked.promise

    const actor = await open()
    await play(actor, LOOK)
    await expectAnswer(actor, { data: { vehicle: { viewerCan: { startSharing: { allowed: true, code: null } } } } })
    await play(actor, SHARE)
    await expectAnswer(actor, {
      data: { startSharing: { sharing: { status: 'SHARED_OWN_VEHICLE', phase: 'ACTIVE', endsAt: null } } },
    })
    await expectAnswer(follower, {
      data: {
        vehicleEvents: { type: 'SHARING_STARTED', vehicleId: 'FK852', sharing: { partner: { name: 'ShareTwo' } } },
      },
    })
    expect(sockets).toEqual([`${server.url.replace('http', 'ws')}/graphql`])

    await play(actor, BORROWED)
    // FK852, and the vehicle that the demo world has lent; as much as fits on the screen.
    await expect.poll(() => actor.locator('.graphiql-response').innerText()).toMatch(/"FK852"/)
    await play(actor, MOVE_END)
    await expectAnswer(actor, {
      data: { updateSharingEnd: { sharing: { endsAt: expect.stringMatching(/Z$/) as unknown } } },
    })
    await expectAnswer(follower, { data: { vehicleEvents: { type: 'SHARING_END_CHANGED' } } })
    await play(actor, GIVE_BACK)
    await expectAnswer(actor, {
      data: { endSharing: { vehicle: null, sharing: { phase: 'ENDED', endReason: 'ENDED_BY_PARTNER' } } },
    })
    await expectAnswer(follower, { data: { vehicleEvents: { type: 'SHARING_ENDED', endReason: 'ENDED_BY_PARTNER' } } })
    await play(actor, LOG)
    // As much of it as fits on the screen is there to be read: its beginning.
    await expect.poll(() => actor.locator('.graphiql-response').innerText()).toContain('SHARING_STARTED')
  })

  it('stops following at the stop button', async () => {
    const page = await open()
    const opened = page.waitForEvent('websocket')
    await play(page, FOLLOW)
    const socket = await opened
    await page.getByRole('button', { name: 'Stop query' }).click()
    if (!socket.isClosed()) await socket.waitForEvent('close')
    await page.getByRole('button', { name: 'Execute query' }).waitFor()
  })

  it('says why a socket was closed', async () => {
    const page = await open()
    await page.getByText('"Authorization"').click()
    await page.keyboard.press('Control+A')
    await page.keyboard.press('Delete')
    await page.getByRole('button', { name: 'Execute query' }).click()
    await expectAnswer(page, { errors: [{ message: expect.stringMatching(/^The socket was closed: 4401 /) }] })
  })
})
