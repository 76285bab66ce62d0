import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it, onTestFinished } from 'vitest'
import { ask } from './support/api.ts'
import { freePort } from './support/ports.ts'
import { isRunning, start } from './support/process.ts'
import { ROOT } from './support/readme.ts'

/** As in a user's shell: npm hands its own settings to the programs that it runs, such as this test. */
const SHELL = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name))),
  PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}`,
}
const LONGEST_MS = 300_000

const npm = async (cwd: string, ...args: readonly string[]) =>
  (await promisify(execFile)('npm', args, { cwd, env: SHELL, timeout: LONGEST_MS })).stdout

/** A copy, because npm pack generates anew what other tests read meanwhile. @returns the tarball, in a folder of its own */
async function packed(folder: string): Promise<string> {
  const copy = join(folder, 'checkout')
  const unwanted = new Set(['node_modules', '.git', '.data', 'test'].map((name) => join(ROOT, name)))
  await cp(ROOT, copy, { recursive: true, filter: (file) => !unwanted.has(file) })
  await cp(import.meta.filename, join(copy, 'test/package.test.ts'))
  await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
  const file = (await npm(copy, 'pack', '--silent')).trim().split('\n').at(-1) ?? ''
  expect(existsSync(join(copy, 'dist'))).toBe(false)
  return join(copy, file)
}

/** @returns false where there is no registry to install from, which is said */
async function installed(folder: string, tarball: string): Promise<boolean> {
  try {
    await npm(folder, 'install', '--prefix', folder, '--omit=dev', '--prefer-offline', tarball)
    return true
  } catch (error) {
    if (await npm(folder, 'ping').catch(() => null)) throw error
    console.warn(
      '\n*** SKIPPED: npm reaches no registry: the package is NOT installed, and its program NOT tested. ***\n',
    )
    return false
  }
}

/** In bytes, by the path below the folder. */
async function sizesIn(folder: string): Promise<ReadonlyMap<string, number>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size))
  return new Map(files.map((file, index) => [file.slice(folder.length + 1), sizes[index] ?? 0]))
}

it(
  'the package is installed without a clone, below 200 MB, and runs the demo world in any folder',
  async (context) => {
    const folder = await mkdtemp(join(tmpdir(), 'fleetshare-package-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const [empty, elsewhere] = [join(folder, 'empty'), join(folder, 'empty/elsewhere')]
    await mkdir(elsewhere, { recursive: true })
    if (!(await installed(empty, await packed(folder)))) return context.skip()

    const sizes = await sizesIn(join(empty, 'node_modules'))
    expect([...sizes.values()].reduce((sum, size) => sum + size, 0)).toBeLessThan(200e6)
    const own = [...sizes.keys()].filter((file) => file.startsWith('fleetshare/'))
    expect(own).toContain('fleetshare/dist/src/main.js')
    expect(own.filter((file) => /\.ts$|^fleetshare\/(test|src|\.config)\//.test(file))).toEqual([])

    const port = await freePort()
    const shell = 'cd "$0" && exec env -i HOME="$HOME" PATH="$PATH" PORT="$PORT" npx fleetshare "$@"'
    const npx = (...args: readonly string[]) =>
      start('sh', ['-c', shell, elsewhere, ...args], { PATH: SHELL.PATH, PORT: String(port) })
    const server = npx()
    await server.line(/^simulator: 60 vehicles report/)
    expect(await readdir(elsewhere)).toEqual(['.data'])
    const url = `http://127.0.0.1:${port}`
    expect(await (await fetch(`${url}/console/console.js`)).text()).toContain('vehicleEvents')
    const token = npx('token', '--fleet', '78LMK', '--role', 'viewer')
    expect(await token.ended).toEqual({ code: 0, signal: null })
    const { viewer } = await ask(url, token.lines[0] ?? '', '{ viewer { fleet { name } } }')
    expect(viewer).toEqual({ fleet: { name: 'ShareOne' } })
    process.kill(-(server.child.pid ?? 0), 'SIGINT')
    await server.ended
    expect(isRunning(server)).toBe(false)
  },
  LONGEST_MS,
)
