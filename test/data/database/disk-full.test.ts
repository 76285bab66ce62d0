import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, it, onTestFinished } from 'vitest'
import { mutations, post } from '../../support/api.ts'
import { startNode } from '../../support/process.ts'
import { startServer } from '../../support/server.ts'
import { makeWorld } from '../../support/world.ts'

const MB = 1024 * 1024
const SIZE = 256 * MB

/** Whether this test may mount a file system of its own: it takes root, and not every container's will do. */
function canMount(): boolean {
  const folder = execFileSync('mktemp', ['-d']).toString().trim()
  try {
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', folder], { stdio: 'ignore' })
    execFileSync('umount', [folder])
    return true
  } catch {
    return false
  } finally {
    execFileSync('rmdir', [folder])
  }
}

const isRoot = process.getuid?.() === 0 && process.platform === 'linux' && canMount()
if (!isRoot) console.warn('SKIPPED: no file system can be mounted here: what a full disk does is not tested')

/** A disk of its own, unmounted when the test is over. */
async function newDisk() {
  const folder = await mkdtemp(join(tmpdir(), 'fleetshare-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE}`, 'tmpfs', folder])
  onTestFinished(async () => {
    execFileSync('umount', [folder])
    await rm(folder, { recursive: true })
  })
  const filler = join(folder, 'filler')
  return {
    folder,
    /** Leaves so much of it free. Bytes. */
    fill: async (left: number) => {
      const { bavail, bsize } = await statfs(folder)
      await writeFile(filler, Buffer.alloc(bavail * bsize - left))
    },
    clear: () => rm(filler),
  }
}

it.skipIf(!isRoot)('a full disk is reported, loses nothing, and stops no reader', async () => {
  const disk = await newDisk()
  const dataDir = join(disk.folder, 'data')
  await mkdir(dataDir)
  const lines: string[] = []
  const log = pino({ level: 'error' }, { write: (line) => lines.push(line) })
  const server = await startServer({ database: 'embedded', dataDir, log })
  onTestFinished(server.close)
  const { as, owner, partner, newVehicle } = await makeWorld(server)
  const id = await newVehicle({ name: 'before' })
  const { url } = server
  const writes = [
    [as.owner, mutations.createVehicle, { input: { name: 'no room' } }],
    [as.owner, mutations.startSharing, { input: { vehicleId: id, fleetId: partner } }],
    [as.admin, mutations.createFleet, { input: { name: 'no room' } }],
  ] as const

  await disk.fill(40 * MB)
  for (const [token, query, variables] of writes) {
    const { errors } = await post(url, token, query, variables)
    expect(errors?.[0]?.extensions.code).toBe('SERVICE_UNAVAILABLE')
    const line = lines.find((text) => text.includes(String(errors?.[0]?.extensions['requestId'])))
    expect(line).toContain('"code":"ENOSPC"')
    expect(line).toContain(`less than 64 MB are free where ${dataDir}`)
  }
  const ready = async () => (await fetch(`${url}/ready`)).status
  expect(await ready()).toBe(503)
  const read = () => post(url, as.owner, '{ viewer { fleet { id } } vehicles { nodes { id name } } }')
  const answered = { viewer: { fleet: { id: owner } }, vehicles: { nodes: [{ id, name: 'before' }] } }
  for (let nth = 0; nth < 3; nth++) expect((await read()).data).toEqual(answered)

  await disk.clear()
  expect(await ready()).toBe(200)
  for (const [token, query, variables] of writes) {
    const { data, errors } = await post(url, token, query, variables)
    expect([errors, Object.values(data as object)]).toEqual([
      undefined,
      [expect.not.objectContaining({ code: expect.anything() })],
    ])
  }
})

it.skipIf(!isRoot)('a full disk is reported when the server starts', async () => {
  const disk = await newDisk()
  await disk.fill(40 * MB)
  const program = startNode('src/main.ts', { PORT: '0', DATA_DIR: disk.folder, NODE_ENV: 'test' })
  expect(await program.ended).toEqual({ code: 1, signal: null })
  expect(program.lines.join('\n')).toMatch(/FleetShare cannot start: less than 64 MB are free/)
})
