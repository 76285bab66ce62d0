import { readdir, readFile } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { parsers } from 'prettier/plugins/typescript'
import { describe, expect, it } from 'vitest'
import { printedSchema, SCHEMA_FILE } from '../src/graphql/print.ts'

const ROOT = join(import.meta.dirname, '..')
const LONGEST_FILE = 300

/**
 * What a file of each layer may import: folders and files of this project, and packages (`node:` for Node's own modules).
 * The layers point one way. Files of its own folder may be imported everywhere but at the top, where each is named.
 */
const LAYERS: Readonly<Record<string, { readonly own: readonly string[]; readonly packages: readonly string[] }>> = {
  'src/domain/': { own: [], packages: [] },
  'src/data/': {
    own: ['src/domain/', 'src/generated/'],
    packages: [
      'node:',
      '@electric-sql/pglite',
      '@prisma/adapter-pg',
      '@prisma/driver-adapter-utils',
      '@prisma/schema-engine-wasm',
      'dataloader',
      'lru-cache',
      'pg',
      'pglite-prisma-adapter',
    ],
  },
  'src/events/': { own: ['src/data/', 'src/domain/', 'src/timer.ts'], packages: ['p-limit'] },
  'src/graphql/': {
    own: ['src/events/', 'src/data/', 'src/domain/'],
    packages: ['@pothos/core', '@pothos/plugin-errors', 'graphql'],
  },
  // The one file that writes a file.
  'src/graphql/print.ts': { own: ['src/graphql/schema.ts'], packages: ['node:', 'graphql'] },
  // What it serves is handed to it: it never reaches for the data itself.
  'src/server/': {
    own: ['src/graphql/', 'src/domain/', 'src/settings.ts', 'src/timer.ts'],
    packages: [
      'node:',
      '@graphql-yoga/render-graphiql',
      '@opentelemetry/api',
      '@opentelemetry/core',
      '@opentelemetry/exporter-trace-otlp-http',
      '@opentelemetry/resources',
      '@opentelemetry/sdk-trace',
      'graphql',
      'graphql-jit',
      'graphql-ws',
      'graphql-yoga',
      'jose',
      'lru-cache',
      'pino',
      'prom-client',
      'ws',
    ],
  },
  // A client like any other: it knows the API, and the ids of the demo world.
  'src/simulator/': { own: ['prisma/demo.ts'], packages: ['node:', 'graphql-ws', 'ws'] },
  // A client like any other, in a browser, that knows what the codes mean; it is bundled, and the server hands it out.
  'src/console/': {
    own: ['src/domain/', 'src/generated/'],
    packages: ['@urql/core', 'gql.tada', 'graphql-ws', 'preact'],
  },
  'src/children.ts': { own: [], packages: ['node:'] },
  'src/command.ts': { own: ['src/settings.ts'], packages: ['node:'] },
  'src/demo.ts': {
    own: ['src/children.ts', 'src/command.ts', 'src/server/keys.ts', 'src/settings.ts'],
    packages: ['node:'],
  },
  'src/instances.ts': { own: ['src/children.ts', 'src/command.ts', 'src/settings.ts'], packages: [] },
  'src/settings.ts': { own: ['src/data/database-url.ts'], packages: ['zod'] },
  'src/timer.ts': { own: [], packages: [] },
  'src/log.ts': { own: ['src/settings.ts'], packages: ['pino'] },
  'src/app.ts': {
    own: ['src/data/', 'src/events/', 'src/server/', 'src/log.ts', 'src/settings.ts'],
    packages: ['node:', 'pino'],
  },
  'src/start.ts': {
    own: ['src/data/start-error.ts', 'src/server/lobby.ts', 'src/app.ts', 'src/settings.ts'],
    packages: ['node:'],
  },
  'src/main.ts': {
    own: ['src/data/start-error.ts', 'src/log.ts', 'src/settings.ts', 'src/start.ts', 'prisma/seed.ts'],
    packages: [],
  },
  'src/migrate.ts': { own: ['src/data/', 'src/command.ts'], packages: [] },
  'src/token.ts': { own: ['src/domain/', 'src/server/keys.ts', 'src/settings.ts'], packages: ['node:'] },
}

type Node = { readonly type: string } & Readonly<Record<string, unknown>>

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && 'type' in value

function* nodesOf(value: unknown): Generator<Node> {
  if (Array.isArray(value)) for (const item of value) yield* nodesOf(item)
  if (!isNode(value)) return
  yield value
  for (const child of Object.values(value)) yield* nodesOf(child)
}

/** Every node of the syntax tree, so that neither a comment nor a text is taken for code. */
const parse = (text: string, filepath = 'file.ts'): Node[] => [
  ...nodesOf((parsers.typescript.parse as (text: string, options: object) => unknown)(text, { filepath })),
]

/** A name that is written out, or null for one that only running the program would tell. */
const literal = (node: unknown): string | null =>
  isNode(node) && typeof node['value'] === 'string' ? node['value'] : null

const isCallOf = (node: Node, ...names: string[]): boolean => {
  const { callee } = node
  if (node.type !== 'CallExpression' || !isNode(callee)) return false
  const last = callee.type === 'MemberExpression' ? callee['property'] : callee
  return isNode(last) && names.includes(String(last['name']))
}

/** All that a file imports: statically, dynamically, as a type, by re-export or require. null stands for an unknown one. */
const importsOf = (nodes: readonly Node[]): (string | null)[] =>
  nodes.flatMap((node) => {
    if (isCallOf(node, 'require', 'getBuiltinModule')) return [literal((node['arguments'] as unknown[])[0])]
    const imports = ['ImportDeclaration', 'ImportExpression', 'TSImportType', 'TSExternalModuleReference']
    const reExports = ['ExportNamedDeclaration', 'ExportAllDeclaration']
    const counts = imports.includes(node.type) || (reExports.includes(node.type) && isNode(node['source']))
    return counts ? [literal(node['source'] ?? node['expression'])] : []
  })

/** @returns what is wrong with the imports of a file, such as "src/domain/a.ts imports pg" */
function wrongImports(file: string, nodes: readonly Node[]): string[] {
  const folder = `${posix.dirname(file)}/`
  const layer = LAYERS[file] ?? LAYERS[folder]
  if (layer === undefined) return [`${file} belongs to no layer`]
  const own = file in LAYERS ? layer.own : [...layer.own, folder]
  const mayImport = (specifier: string | null): boolean => {
    if (specifier === null) return false
    if (!/^[./]/.test(specifier)) return layer.packages.some((name) => matches(specifier, name))
    const target = posix.join(folder, specifier)
    return (
      /\.tsx?$/.test(target) && own.some((place) => target === place || (place.endsWith('/') && inside(target, place)))
    )
  }
  return importsOf(nodes)
    .filter((specifier) => !mayImport(specifier))
    .map((specifier) => `${file} imports ${specifier ?? 'what cannot be told'}`)
}

const matches = (specifier: string, name: string): boolean =>
  name === 'node:' ? specifier.startsWith(name) : specifier === name || specifier.startsWith(`${name}/`)

/** A folder of this project has no layers of its own, except for what is generated. */
const inside = (target: string, folder: string): boolean =>
  target.startsWith(folder) && (folder === 'src/generated/' || !target.slice(folder.length).includes('/'))

/** @returns default exports, re-exports, and classes that are no errors */
const wrongShapes = (file: string, nodes: readonly Node[]): string[] =>
  nodes.flatMap((node) => {
    if (node.type === 'ExportDefaultDeclaration') return [`${file} has a default export`]
    if (node.type === 'TSExportAssignment') return [`${file} has a default export`]
    if (node.type === 'ExportSpecifier') {
      const { exported } = node
      if (isNode(exported) && (exported['name'] ?? exported['value']) === 'default')
        return [`${file} has a default export`]
    }
    if (node.type === 'ExportAllDeclaration') return [`${file} re-exports`]
    if (node.type === 'ExportNamedDeclaration' && isNode(node['source'])) return [`${file} re-exports`]
    if (node.type !== 'ClassDeclaration' && node.type !== 'ClassExpression') return []
    const parent = isNode(node['superClass']) ? String(node['superClass']['name']) : ''
    return parent.endsWith('Error') ? [] : [`${file} has a class that is no error`]
  })

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(join(ROOT, folder), { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1))
    .filter((file) => !file.includes('/generated/'))
    .toSorted()
}

const read = (file: string) => readFile(join(ROOT, file), 'utf8')
const linesOf = (text: string) => text.split('\n').length - (text.endsWith('\n') ? 1 : 0)

describe('the source', async () => {
  // The console has a page and its style, too.
  const files = (await filesIn('src')).filter(
    (file) => !/^src\/console\/(index\.html|style\.css|tsconfig\.json)$/.test(file),
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
        ...own.filter((folder) => !targets.some((target) => target.startsWith(folder))),
        ...packages.filter((name) => !targets.some((target) => matches(target, name))),
      ]
      return unused.map((name) => `${place} does not need ${name}`)
    })
    expect(idle).toEqual([])
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
    ['src/data/a.ts', "import { tail } from '../events/tail.ts'"],
    ['src/data/a.ts', "import { builder } from '../graphql/builder.ts'"],
    ['src/data/a.ts', "import { GraphQLError } from 'graphql'"],
    ['src/data/a.ts', "import pgp from 'pg-promise'"],
    ['src/events/a.ts', "import type { Prisma } from '../generated/prisma/client.ts'"],
    ['src/events/a.ts', "import { schema } from '../graphql/schema.ts'"],
    ['src/events/a.ts', "import pg from 'pg'"],
    ['src/graphql/a.ts', "import { Prisma } from '@prisma/client'"],
    ['src/graphql/a.ts', "import type { Prisma } from '../generated/prisma/client.ts'"],
    ['src/graphql/a.ts', "import { authenticate } from '../server/auth.ts'"],
    ['src/graphql/a.ts', "import { randomUUID } from 'node:crypto'"],
    ['src/server/a.ts', "import type { Database } from '../data/client.ts'"],
    ['src/server/a.ts', "import { createApp } from '../app.ts'"],
    ['src/server/a.ts', "import { PrismaClient } from '../generated/prisma/client.ts'"],
    ['src/app.ts', "import { schema } from './graphql/schema.ts'"],
    ['src/app.ts', "import '../test/support/api.ts'"],
    ['src/app.ts', "import { createApp } from './data/../main.ts'"],
    ['src/graphql/a.ts', "import { b } from './b.js'"],
    ['src/data/a.ts', 'const load = (name: string) => import(name)'],
    ['src/utils.ts', ''],
    ['src/helpers/a.ts', ''],
    ['src/domain/deep/a.ts', ''],
  ])('in %s: %s', (file, text) => {
    expect(wrongImports(file, parse(text))).toHaveLength(1)
  })

  it('nothing in comments, texts and what is allowed', () => {
    const text =
      "// import 'pg'\nconst a = \"import 'pg'\"\nimport { b } from './b.ts'\nimport type { C } from '../domain/c.ts'"
    expect(wrongImports('src/events/a.ts', parse(text))).toEqual([])
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
