import type { Page } from 'playwright-core'
import type { Surf } from '../support/browser.ts'

/** The first step, which follows the owner's events, as the third step's sharing arrives. */
export async function pictureOfPlayground({ open }: Surf): Promise<Buffer> {
  const follower = await open('/graphql')
  const opened = follower.waitForEvent('websocket')
  await play(follower, 'Step1_Follow')
  await opened
  const actor = await open('/graphql')
  // The page does not show when a subscription is open. Opening it takes less time than a second page and a query.
  await play(actor, 'Step2_Look')
  await actor.locator('.graphiql-response').getByText('startSharing').first().waitFor()
  await play(actor, 'Step3_Share')
  await follower.locator('.graphiql-response').getByText('SHARING_STARTED').waitFor()
  await actor.close()
  await follower.getByText('# 1. ShareOne').waitFor()
  await follower.setViewportSize({ width: 1360, height: 720 })
  return follower.screenshot()
}

/** Turns to a step and presses play. */
async function play(page: Page, step: string): Promise<void> {
  await page.getByRole('tab', { name: step }).waitFor()
  await page.getByRole('button', { name: step }).click()
  await page.getByRole('tab', { name: step, selected: true }).waitFor()
  await page.getByRole('button', { name: 'Execute query' }).click()
}
