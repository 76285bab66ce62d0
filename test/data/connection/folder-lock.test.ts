import { execFileSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { lockFolder } from '../../../src/data/connection/folder-lock.ts'
import { start } from '../../support/process.ts'

const MODULE = join(import.meta.dirname, '../../../src/data/connection/folder-lock.ts')
const HOLD = `const { lockFolder } = await import(${JSON.stringify(MODULE)})
  await lockFolder(process.argv[1]).then(
    (unlock) => { console.log('held'); setInterval(() => unlock.name, 1000) },
    (error) => console.log(error.message))`

/** Whether this test may run a program among process ids of its own: it takes root, and not every container's will do. */
function canSeparate(): boolean {
  try {
    execFileSync('unshare', ['--pid', '--fork', '--mount-proc', 'true'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

async function newFolder(): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'fleetshare-lock-'))
  onTestFinished(() => rm(parent, { recursive: true, force: true }))
  return join(parent, 'postgres')
}

const hold = (folder: string, ...wrapped: readonly string[]) => {
  const [command, ...args] = [...wrapped, process.execPath, '--input-type=module', '-e', HOLD, folder]
  return start(command ?? '', args)
}

const inUse =
  /^DATA_DIR: the embedded database in \S+ is in use by (process \d+|another process).*nothing has to be removed$/

it.each([
  ['nothing', null],
  ['nothing in them', Buffer.alloc(0)],
  ['NULs', Buffer.alloc(4_096)],
  ['anything', Buffer.from('not a process id\n')],
  ['the id of a process that is somebody else', Buffer.from('1')],
])('files of a lock that a power cut has left with %s stop nobody, and the lock is one', async (_, content) => {
  const folder = await newFolder()
  if (content !== null) for (const name of ['pid', 'lock']) await writeFile(`${folder}.${name}`, content)
  const unlock = await lockFolder(folder)
  expect(await readFile(`${folder}.pid`, 'utf8')).toBe(String(process.pid))
  await expect(lockFolder(folder)).rejects.toThrow(inUse)
  expect((await hold(folder).line(/in use|held/))[0]).toBe('in use')
  await unlock()
  await (
    await lockFolder(folder)
  )()
  expect(await readdir(join(folder, '..'))).toEqual(['postgres.lock'])
})

it('is gone with a process that is killed', async () => {
  const folder = await newFolder()
  const other = hold(folder)
  await other.line(/held/)
  await expect(lockFolder(folder)).rejects.toThrow(`in use by process ${other.child.pid}`)
  other.child.kill('SIGKILL')
  await other.ended
  await (
    await lockFolder(folder)
  )()
})

it.skipIf(!canSeparate())('holds between processes that cannot see each other, as in two containers', async () => {
  const folder = await newFolder()
  const separate = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child']
  const first = hold(folder, ...separate)
  await first.line(/held/)
  const second = hold(folder, ...separate)
  expect((await second.line(/in use|held/))[0]).toBe('in use')
  await expect(lockFolder(folder)).rejects.toThrow(inUse)
})

it('says so where there is no place for it', async () => {
  await expect(lockFolder('/proc/nowhere/postgres')).rejects.toThrow(/^DATA_DIR: .* cannot be locked/)
})
