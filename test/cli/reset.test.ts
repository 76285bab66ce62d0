import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, inject, it, onTestFinished } from 'vitest'
import { ask, run } from '../support/api.ts'
import { newDataDir } from '../support/databases.ts'
import { startNode } from '../support/process.ts'
import type { Program } from '../support/process.ts'
import { developmentToken } from '../../src/server/auth/keys.ts'
import { readSettings } from '../../src/settings.ts'

async function dataDir(template: string | null): Promise<string> {
  const folder = await newDataDir(template)
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

const urlOf = async (program: Program): Promise<string> =>
  (await program.line(/FleetShare listens on (http:\S+)\/graphql/))[1] ?? ''

it('sets the demo world back and keeps tokens valid, but leaves the database of a running server alone', async () => {
  const folder = await dataDir(inject('embeddedTemplate'))
  const env = { PORT: '0', DATA_DIR: folder }
  const token = await developmentToken(readSettings(env), '78LMK', ['manager'], 600)
  const first = startNode('src/main.ts', env)
  const url = await urlOf(first)
  await run(url, token, 'startSharing', { vehicleId: 'FK852', fleetId: 'DE3P4' })

  const refused = startNode('src/cli/reset.ts', env)
  expect(await refused.ended).toEqual({ code: 1, signal: null })
  expect(refused.complaints.join()).toContain(`in use by process ${first.child.pid}`)
  const query = '{ vehicle(id: "FK852") { sharing { phase } } }'
  expect(await ask(url, token, query)).toEqual({ vehicle: { sharing: { phase: 'ACTIVE' } } })
  first.child.kill('SIGTERM')
  await first.ended

  const reset = startNode('src/cli/reset.ts', env)
  expect(await reset.ended).toEqual({ code: 0, signal: null })
  expect(reset.lines).toEqual([`Removed: ${join(folder, 'postgres')}`])
  expect(await ask(await urlOf(startNode('src/main.ts', env)), token, query)).toEqual({ vehicle: { sharing: null } })
})

it('has nothing to do where there is no database', async () => {
  const reset = startNode('src/cli/reset.ts', { DATA_DIR: await dataDir(null) })
  expect(await reset.ended).toEqual({ code: 0, signal: null })
  expect(reset.lines).toEqual([expect.stringMatching(/^There is no embedded database in \//)])
})
