import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { addTypenameSelectionDocumentTransform, preset } from '@graphql-codegen/client-preset'
import { codegen } from '@graphql-codegen/core'
import * as fragmentMatcher from '@graphql-codegen/fragment-matcher'
import { minifyIntrospection, outputIntrospectionFile } from '@gql.tada/internal'
import { buildSchema, introspectionFromSchema, parse } from 'graphql'
import type { GraphQLSchema } from 'graphql'

const ROOT = join(import.meta.dirname, '../..')
const CLIENTS = import.meta.dirname
const GENERATED = join(CLIENTS, 'generated')

/** As docs/clients.md gives it to clients. */
export const PRESET_CONFIG = { scalars: { DateTime: 'string' }, useTypeImports: true } as const

/** The manifest for servers that trust these documents alone. */
export const MANIFEST = join(GENERATED, 'persisted-documents.json')

/**
 * Generates what the clients here are typed with, from nothing but schema.graphql and their own operations, as a client's
 * project does with the CLIs of GraphQL Code Generator, of gql.tada and of Relay.
 */
export async function generate(): Promise<void> {
  const schema = buildSchema(await readFile(join(ROOT, 'schema.graphql'), 'utf8'))
  await rm(GENERATED, { recursive: true, force: true })
  await Promise.all([generatePreset(schema), generateTada(schema), generateRelay()])
}

/** What code asks with `graphql(...)` of the client preset, and which types the interfaces have, for Apollo's cache. */
async function generatePreset(schema: GraphQLSchema): Promise<void> {
  const baseOutputDir = `${GENERATED}/`
  const common = { schema: parse(await readFile(join(ROOT, 'schema.graphql'), 'utf8')), schemaAst: schema }
  const outputs = await preset.buildGeneratesSection({
    ...common,
    baseOutputDir,
    presetConfig: { fragmentMasking: { unmaskFunctionName: 'getFragmentData' }, persistedDocuments: true },
    // Caches ask for it beside everything; what is sent as a hash has to ask for it beforehand.
    documentTransforms: [{ name: 'typename', transformObject: addTypenameSelectionDocumentTransform, config: {} }],
    // The suffix is for Node, which runs what is generated without a build.
    config: { ...PRESET_CONFIG, importExtension: '.ts' },
    documents: await documents(),
    plugins: [],
    pluginMap: {},
  })
  const possibleTypes = {
    ...common,
    filename: join(GENERATED, 'possible-types.ts'),
    plugins: [{ 'fragment-matcher': {} }],
    pluginMap: { 'fragment-matcher': fragmentMatcher },
    config: { useExplicitTyping: true },
    documents: [],
  }
  for (const output of [...outputs, possibleTypes]) await write(output.filename, await codegen(output))
}

/** As the generator's CLI finds them: all that is said with `graphql(...)`. */
async function documents() {
  const files = (await readdir(CLIENTS)).filter((name) => /^(apollo|urql)\.ts$/.test(name))
  const texts = await Promise.all(files.map((name) => readFile(join(CLIENTS, name), 'utf8')))
  return texts.flatMap((text, index) =>
    Array.from(text.matchAll(/\bgraphql\(`([^`]*)`\)/g), ([, rawSDL = '']) => {
      return { location: join(CLIENTS, files[index] ?? ''), document: parse(rawSDL), rawSDL }
    }),
  )
}

/** The schema as a type, from which gql.tada infers those of operations. */
async function generateTada(schema: GraphQLSchema): Promise<void> {
  const introspection = minifyIntrospection(introspectionFromSchema(schema, { descriptions: false }))
  await write(
    join(ROOT, 'src/generated/introspection.d.ts'),
    outputIntrospectionFile(introspection, { fileType: '.d.ts' }),
  )
}

/** What Relay sends and stores, by the configuration of its compiler in test/clients/live. */
async function generateRelay(): Promise<void> {
  // The package is the path of its program.
  const compiler = createRequire(import.meta.url)('relay-compiler') as string
  await mkdir(join(GENERATED, 'relay'), { recursive: true })
  const cwd = join(CLIENTS, 'live')
  await promisify(execFile)(compiler, ['--noWatchman', 'relay.config.json'], { cwd })
}

async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, text)
}

/** For vitest: once, before all tests. */
export const setup = generate

if (import.meta.main) await generate()
