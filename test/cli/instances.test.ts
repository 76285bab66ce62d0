import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { promisify } from 'node:util'
import { expect, inject, it, onTestFinished } from 'vitest'
import { run } from '../support/api.ts'
import { newDataDir, newPostgresDatabase } from '../support/databases.ts'
import { follow, readAll } from '../support/events.ts'
import { freePair } from '../support/ports.ts'
import { isRunning, startNode } from '../support/process.ts'
import { developmentToken } from '../../src/server/auth/keys.ts'
import { readSettings } from '../../src/settings.ts'

it('two instances serve one log; one goes on without the other, and both stop on SIGTERM', async () => {
  const folder = await newDataDir(null)
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const port = await freePair()
  const [first, second] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${port + 1}`]
  const databaseUrl = await newPostgresDatabase(inject('postgresUrl'))
  const metrics = await freePair()
  const program = startNode('src/cli/instances.ts', {
    PORT: `${port}`,
    METRICS_PORT: `${metrics}`,
    DATA_DIR: folder,
    DATABASE_URL: databaseUrl,
  })
  for (const url of [first, second]) await program.line(new RegExp(`listens on ${url}/graphql`))
  for (const own of [metrics, metrics + 1]) expect((await fetch(`http://127.0.0.1:${own}/metrics`)).status).toBe(200)

  // Both found an empty database, and the demo world is there once.
  const token = await developmentToken(readSettings({ DATA_DIR: folder }), '78LMK', ['manager'], 600)
  const follower = await follow(second, token)
  await run(first, token, 'updateVehicle', { id: 'FK852', name: 'seen on both' })
  expect(await follower.events(1)).toMatchObject([{ vehicleId: 'FK852' }])
  follower.stop()
  expect(await readAll(second, token)).toEqual(await readAll(first, token))

  // The children are started in the order of their ports.
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid='])
  const processes = stdout.split('\n').map((line) => line.trim().split(/ +/).map(Number))
  const [child] = processes.filter(([, parent]) => parent === program.child.pid)
  process.kill(child?.[0] ?? 0, 'SIGKILL')
  await program.complaint(new RegExp(`on port ${port} ended: SIGKILL`))
  expect((await readAll(second, token)).at(-1)).toMatchObject({ vehicleId: 'FK852' })
  program.child.kill('SIGTERM')
  expect(await program.ended).toMatchObject({ code: 0 })
  expect(isRunning(program)).toBe(false)
})
