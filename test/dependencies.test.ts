import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { ROOT, tableOf } from './support/readme.ts'

type Package = {
  readonly version?: string
  readonly hasInstallScript?: boolean
  readonly integrity?: string
  readonly link?: boolean
}

const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')
const { dependencies, devDependencies, allowScripts } = JSON.parse(read('package.json')) as Record<
  'dependencies' | 'devDependencies',
  Record<string, string>
> & { allowScripts: Record<string, boolean> }
/** The package of a lock file at each path below its folder; the path of the folder's own package is ''. */
const lockedIn = (folder: string) =>
  (JSON.parse(read(join(folder, 'package-lock.json'))) as { packages: Record<string, Package> }).packages

/** The packages that npm would fetch there, each with its name; those of the project itself are not fetched. */
const installedIn = (folder: string) =>
  Object.entries(lockedIn(folder)).flatMap(([path, found]) => {
    const [, name] = /node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(path) ?? []
    return name === undefined || found.link ? [] : [{ name, ...found }]
  })
/** The systems that the bench compares with are a package of their own, which only the bench installs. */
const BENCH = 'test/bench'
const installed = [...installedIn('.'), ...installedIn(BENCH)]

it('no package runs a script when it is installed, except the reviewed ones', () => {
  const withScript = installed.filter(({ hasInstallScript }) => hasInstallScript).map(({ name }) => name)
  expect(new Set(withScript)).toEqual(new Set(Object.keys(allowScripts)))
})

it('each package that may run a script has its reason in the docs', () => {
  const allowed = Object.keys(allowScripts).filter((name) => allowScripts[name])
  const named = tableOf(read('docs/operate.md'), 'package').flatMap(([names = '']) =>
    Array.from(names.matchAll(/`([^`]+)`/g), ([, name = '']) => name),
  )
  const explained = (name: string) =>
    named.some((one) => (one.endsWith('*') ? name.startsWith(one.slice(0, -1)) : name === one))
  expect(allowed.length).toBeGreaterThan(0)
  expect(allowed.filter((name) => !explained(name))).toEqual([])
})

it('every version is pinned, and every package by its hash', () => {
  const compared = JSON.parse(read(`${BENCH}/package.json`)) as { dependencies: Record<string, string> }
  const pinned = { '.': { ...dependencies, ...devDependencies }, [BENCH]: compared.dependencies }
  for (const [folder, versions] of Object.entries(pinned))
    for (const [name, version] of Object.entries(versions)) {
      expect([name, version]).toEqual([name, expect.stringMatching(/^\d+\.\d+\.\d+(-[\w.-]+)?$/)])
      expect(lockedIn(folder)[`node_modules/${name}`]?.version).toBe(version)
    }
  expect(installed.length).toBeGreaterThan(200)
  expect(installed.filter(({ integrity }) => !integrity?.startsWith('sha512-')).map(({ name }) => name)).toEqual([])
})
