import { readdir, readFile } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { describe, expect, it } from 'vitest'
import { printedSchema, SCHEMA_FILE } from '../src/graphql/print.ts'
import { circlesIn } from './structure/circles.ts'
import { isIn, matches, targetsOf, wrongImports } from './structure/imports.ts'
import { LAYERS, MOST_FILES } from './structure/layers.ts'
import type { Layers } from './structure/layers.ts'
import { wrongShapes } from './structure/shapes.ts'
import { importsOf, parse } from './structure/syntax.ts'

const ROOT = join(import.meta.dirname, '..')
const LONGEST_FILE = 300

/** Folders with more than so many source files of their own. */
function largeFolders(files: readonly string[], most: number): string[] {
  const counts = new Map<string, number>()
  for (const file of files) {
    const folder = `${posix.dirname(file)}/`
    counts.set(folder, (counts.get(folder) ?? 0) + 1)
  }
  return [...counts].filter(([, count]) => count > most).map(([folder]) => folder)
}

/** The rows of the table as a graph: which folder or file may import which. */
const orderOf = (layers: Layers) => new Map(Object.entries(layers).map(([place, { own }]) => [place, own]))

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(join(ROOT, folder), { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1))
    .filter((file) => !/\/(generated|node_modules)\//.test(file))
    .toSorted()
}

const read = (file: string) => readFile(join(ROOT, file), 'utf8')
const linesOf = (text: string) => text.split('\n').length - (text.endsWith('\n') ? 1 : 0)

describe('the source', async () => {
  // A folder may say in a README what lives there; the console has a page and its style, too.
  const files = (await filesIn('src')).filter(
    (file) => !/\/README\.md$|^src\/console\/(index\.html|styles\/[a-z]+\.css|tsconfig\.json)$/.test(file),
  )

  it.each(files)('%s keeps to its layer and to the shapes of the house', async (file) => {
    expect(file).toMatch(file.startsWith('src/console/') ? /\.tsx?$/ : /\.ts$/)
    const nodes = parse(await read(file), file)
    expect([...wrongImports(file, nodes), ...wrongShapes(file, nodes)]).toEqual([])
  })

  it('has a file or a folder for every layer', () => {
    const places = Object.keys(LAYERS)
    expect(places.filter((place) => !files.some((file) => file.startsWith(place)))).toEqual([])
  })

  it('never gives a package or a folder to a layer that does not use it', async () => {
    const used = await Promise.all(
      files.map(async (file) => {
        const specifiers = importsOf(parse(await read(file), file)).filter((specifier) => specifier !== null)
        const targets = specifiers.map((name) => (name.startsWith('.') ? posix.join(posix.dirname(file), name) : name))
        return { place: file in LAYERS ? file : `${posix.dirname(file)}/`, targets }
      }),
    )
    const idle = Object.entries(LAYERS).flatMap(([place, { own, packages }]) => {
      const targets = used.filter((one) => one.place === place).flatMap((one) => one.targets)
      const unused = [
        ...own.filter((name) => !targets.some((target) => isIn(target, name))),
        ...packages.filter((name) => !targets.some((target) => matches(target, name))),
      ]
      return unused.map((name) => `${place} does not need ${name}`)
    })
    expect(idle).toEqual([])
  })

  it('points one way, from folder to folder', () => {
    expect(circlesIn(orderOf(LAYERS))).toEqual([])
  })

  it('has no files that import each other in a circle', async () => {
    const graph = new Map(
      await Promise.all(files.map(async (file) => [file, targetsOf(file, parse(await read(file), file))] as const)),
    )
    expect(circlesIn(graph)).toEqual([])
  })

  it('has a head in every folder', async () => {
    const folders = [...new Set(files.map((file) => posix.dirname(file)))].filter((folder) => folder !== 'src')
    const heads = await Promise.all(files.map(async (file) => (/This folder/.test(await read(file)) ? [file] : [])))
    const all = await filesIn('src')
    const isHeaded = (folder: string) =>
      all.includes(`${folder}/README.md`) || heads.flat().some((file) => posix.dirname(file) === folder)
    expect(folders.filter((folder) => !isHeaded(folder))).toEqual([])
  })

  it(`has at most ${MOST_FILES} files in a folder`, () => {
    expect(largeFolders(files, MOST_FILES)).toEqual([])
  })
})

describe('the check of imports finds', () => {
  it.each([
    ['src/domain/a.ts', "import { join } from 'node:path'"],
    ['src/domain/a.ts', "import type { Database } from '../data/client.ts'"],
    ['src/domain/a.ts', "export type A = import('../data/client.ts').Database"],
    ['src/domain/a.ts', "const later = async () => await import('pg')"],
    ['src/domain/a.ts', "import '../settings.ts'"],
    ['src/domain/a.ts', "import a = require('pg')"],
    ['src/domain/a.ts', "export * from '../log.ts'"],
    ['src/domain/a.ts', "const fs = process.getBuiltinModule('node:fs')"],
    ['src/data/queries/a.ts', "import { tail } from '../../live/tail.ts'"],
    ['src/data/queries/a.ts', "import { builder } from '../../graphql/base/builder.ts'"],
    ['src/data/queries/a.ts', "import { GraphQLError } from 'graphql'"],
    ['src/data/queries/a.ts', "import pgp from 'pg-promise'"],
    ['src/live/a.ts', "import type { Prisma } from '../generated/prisma/client.ts'"],
    ['src/live/a.ts', "import { schema } from '../graphql/schema.ts'"],
    ['src/live/a.ts', "import pg from 'pg'"],
    ['src/graphql/types/a.ts', "import { Prisma } from '@prisma/client'"],
    ['src/graphql/types/a.ts', "import type { Prisma } from '../../generated/prisma/client.ts'"],
    ['src/data/tables/a.ts', "import { decide } from '../decisions/decide.ts'"],
    ['src/data/queries/a.ts', "import { decide } from '../decisions/decide.ts'"],
    ['src/data/decisions/a.ts', "import { start } from '../verbs/sharings.ts'"],
    ['src/live/a.ts', "import type { Query } from '../data/database/statement.ts'"],
    ['src/background/a.ts', "import { startTail } from '../live/tail.ts'"],
    ['src/graphql/types/a.ts', "import { authenticate } from '../../server/auth/authenticate.ts'"],
    ['src/graphql/types/a.ts', "import { randomUUID } from 'node:crypto'"],
    ['src/server/http/a.ts', "import type { Database } from '../../data/client.ts'"],
    ['src/server/http/a.ts', "import { createApp } from '../../app.ts'"],
    ['src/server/http/a.ts', "import { PrismaClient } from '../../generated/prisma/client.ts'"],
    ['src/server/http/a.ts', "import type { Session } from '../websocket/session.ts'"],
    ['src/server/websocket/a.ts', "import { refuse } from '../http/responses.ts'"],
    ['src/server/engine/a.ts', "import type { FastPath } from '../http/fast-path.ts'"],
    ['src/server/limits/a.ts', "import { compile } from '../engine/compile/compile.ts'"],
    ['src/server/auth/a.ts', "import type { Pages } from '../pages/pages.ts'"],
    ['src/server/a.ts', ''],
    ['src/server/http/deep/a.ts', ''],
    ['src/app.ts', "import { schema } from './graphql/schema.ts'"],
    ['src/app.ts', "import '../test/support/api.ts'"],
    ['src/app.ts', "import { createApp } from './data/../main.ts'"],
    ['src/graphql/types/a.ts', "import { b } from './b.js'"],
    ['src/data/queries/a.ts', 'const load = (name: string) => import(name)'],
    ['src/utils.ts', ''],
    ['src/helpers/a.ts', ''],
    ['src/domain/deep/a.ts', ''],
  ])('in %s: %s', (file, text) => {
    expect(wrongImports(file, parse(text))).toHaveLength(1)
  })

  it('nothing in comments, texts and allowed imports', () => {
    const text =
      "// import 'pg'\nconst a = \"import 'pg'\"\nimport { b } from './b.ts'\nimport type { C } from '../domain/c.ts'"
    expect(wrongImports('src/live/a.ts', parse(text))).toEqual([])
  })
})

describe('the check of the order finds', () => {
  const row = (...own: string[]) => ({ own, packages: [] })

  it('two folders that may import each other, also by way of a third', () => {
    const layers = {
      'src/a/': row('src/b/'),
      'src/b/': row('src/b/c/'),
      'src/b/c/': row('src/a/'),
      'src/d/': row('src/a/'),
    }
    expect(circlesIn(orderOf(layers))).toEqual([['src/a/', 'src/b/', 'src/b/c/']])
    expect(circlesIn(orderOf({ ...layers, 'src/b/c/': row() }))).toEqual([])
  })

  it("that a folder's name does not include the folders within it", () => {
    const layers = { 'src/a/': row('src/b/'), 'src/b/c/': row() }
    expect(wrongImports('src/a/x.ts', parse("import { y } from '../b/y.ts'"), layers)).toEqual([])
    expect(wrongImports('src/a/x.ts', parse("import { y } from '../b/c/y.ts'"), layers)).toHaveLength(1)
  })

  it('files that import each other in a circle, as types, too', () => {
    const texts = {
      'src/a.ts': "import { b } from './deep/b.ts'",
      'src/deep/b.ts': "import type { C } from './c.ts'\nimport { d } from './d.ts'",
      'src/deep/c.ts': "export type C = import('../a.ts').A",
      'src/deep/d.ts': '',
      'src/e.ts': "import { a } from './a.ts'",
    }
    const graph = new Map(Object.entries(texts).map(([file, text]) => [file, targetsOf(file, parse(text))]))
    expect(circlesIn(graph)).toEqual([['src/a.ts', 'src/deep/b.ts', 'src/deep/c.ts']])
  })

  it('a 13th file', () => {
    const files = Array.from({ length: MOST_FILES + 1 }, (_, n) => `src/a/${n}.ts`)
    expect(largeFolders([...files, 'src/a/deep/a.ts'], MOST_FILES)).toEqual(['src/a/'])
    expect(largeFolders(files.slice(1), MOST_FILES)).toEqual([])
  })
})

it.each([
  ['export default 1'],
  ['const a = 1\nexport { a as default }'],
  ["const a = 1\nexport { a as 'default' }"],
  ['export = 1'],
  ["export * from './b.ts'"],
  ["export { b } from './b.ts'"],
  ['class A {}'],
  ['export abstract class A extends Base {}'],
  ['const a = class extends EventEmitter {}'],
])('the check of shapes finds %j', (text) => {
  expect(wrongShapes('src/a.ts', parse(text))).toHaveLength(1)
})

it('the check of shapes lets errors and named exports pass', () => {
  const text = 'export class A extends Error {}\nexport abstract class B extends AError {}\nconst c = 1\nexport { c }'
  expect(wrongShapes('src/a.ts', parse(text))).toEqual([])
})

it(`no file is longer than ${LONGEST_FILE} lines`, async () => {
  const files = [...(await filesIn('src')), ...(await filesIn('test'))].filter((file) => /\.tsx?$/.test(file))
  const lengths = await Promise.all(files.map(async (file) => ({ file, lines: linesOf(await read(file)) })))
  expect(lengths.filter(({ lines }) => lines > LONGEST_FILE)).toEqual([])
  expect(lengths.length).toBeGreaterThan(50)
  expect([linesOf('a'), linesOf('a\n'), linesOf('a\nb\n\n')]).toEqual([1, 1, 3])
})

it('no path is taken from a URL, where a space would be %20', async () => {
  const folders = ['.config', 'prisma', 'src', 'test']
  const files = (await Promise.all(folders.map(filesIn))).flat().filter((file) => /\.tsx?$/.test(file))
  const texts = await Promise.all(files.map(async (file) => ({ file, text: await read(file) })))
  expect(texts.filter(({ text }) => /import\.meta\.url\)\.pathname/.test(text)).map(({ file }) => file)).toEqual([])
})

it('schema.graphql is the schema as it is printed', async () => {
  expect(await readFile(SCHEMA_FILE, 'utf8')).toBe(printedSchema())
})
