import { existsSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buildSchema, parse, validate } from 'graphql'
import pg from 'pg'
import { expect, inject, it } from 'vitest'
import { PRESET_CONFIG } from '../clients/generate.ts'
import { ask, post, run } from './api.ts'
import { forward } from './forward.ts'
import { freePair } from './ports.ts'
import { ISSUER } from './provider.ts'
import type { SigningKey, TestProvider } from './provider.ts'
import { ROOT } from './readme.ts'
import type { Block, Checkout, Running } from './readme.ts'

const schemaText = readFileSync(join(ROOT, 'schema.graphql'), 'utf8')
const schema = buildSchema(schemaText)

export const LISTENS = /FleetShare listens on (http:\/\/127\.0\.0\.1:\d+)\/graphql/
const HAS_URL = 'postgresql://fleetshare:secret@localhost:5432/fleetshare'

/** What a reader has in front of himself while he tries the snippets of a page. */
export type Stage = {
  readonly checkout: Checkout
  /** Of the demo server. */
  readonly url: string
  readonly provider: TestProvider
  /** Of that provider. */
  readonly key: SigningKey
}

export const superuser = () => `${inject('postgresUrl')}/postgres`
const ownDatabase = () => {
  const { host } = new URL(inject('postgresUrl'))
  return HAS_URL.replace('localhost:5432', host)
}

/** Ids and cursors differ from run to run; everything else has to be as the page shows it. */
const steady = (text: string): string =>
  text
    .replaceAll(/"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"/g, '"an id"')
    .replaceAll(/"cursor":"[\w-]{22}"|(?<="endCursor": ?)"[\w-]{22}"/g, '"a cursor"')

export async function querySql(databaseUrl: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

function expectValid(operation: string): void {
  expect(validate(schema, parse(operation))).toEqual([])
}

/** What the page shows as the answer, or, where it shows none, anything but a failure. */
function expectAnswer(printed: string, shown: Block | undefined): void {
  if (shown?.tag === 'json') return expect(JSON.parse(steady(printed))).toEqual(JSON.parse(steady(shown.text)))
  if (printed.trim() === '') return
  const { data, errors } = JSON.parse(printed) as { data: Record<string, { code?: string }>; errors?: unknown }
  expect(errors).toBeUndefined()
  for (const result of Object.values(data)) expect(result).not.toHaveProperty('code')
}

export async function expectDrains(server: Running): Promise<void> {
  await server.interrupt()
  expect(server.lines.join('\n')).toContain('SIGINT: draining')
}

type Rule = (block: Block, next: Block | undefined, previous: Block | undefined, index: number) => Promise<void> | void

/** How each kind of snippet is put to the test. */
function rulesOf(blocks: readonly Block[], stage: () => Stage): Readonly<Record<string, Rule>> {
  /** The page's addresses, which are taken or do not exist here, replaced by the test's. */
  const localised = (text: string): string =>
    text
      .replaceAll('127.0.0.1:4000', new URL(stage().url).host)
      .replaceAll(HAS_URL, ownDatabase())
      .replaceAll(/PORT=\d+/g, 'PORT=0')
      .replaceAll(`${ISSUER}/keys`, stage().provider.jwksUrl)

  async function expectStarts(command: string, claims: Block | undefined): Promise<void> {
    const server = stage().checkout.start(localised(command))
    const [, address = ''] = await server.line(LISTENS)
    expect((await fetch(`${address}/ready`)).status).toBe(200)
    if (claims?.tag === 'json claims') {
      const said = JSON.parse(claims.text) as Record<string, unknown>
      const token = await stage().key.sign({ ...said, exp: Math.floor(Date.now() / 1000) + 60 })
      const { viewer } = await ask(address, token, '{ viewer { fleet { id } roles } }')
      expect(viewer).toEqual({ fleet: { id: said['fleet_id'] }, roles: said['roles'] })
    }
    await expectDrains(server)
  }

  return {
    /** Runs to its end. */
    sh: async ({ text }, next) => {
      for (const [, operation = ''] of text.matchAll(/ask "[^']*" '([^']*)'/g)) expectValid(operation)
      expectAnswer(await stage().checkout.run(localised(text)), next)
    },
    /** The same when it is repeated. */
    'sh twice': async ({ text }, next) => {
      const first = await stage().checkout.run(localised(text))
      expectAnswer(first, next)
      expect(await stage().checkout.run(localised(text))).toBe(first)
    },
    /** Prints what the page shows next, and runs on until it is stopped. */
    'sh follow': async ({ text }, next) => {
      expect(next?.tag).toBe('text')
      const shown = steady(next?.text ?? '').split('\n')
      const running = stage().checkout.start(localised(text))
      await running.line(/"(cursor|commandId)":/)
      const printed = running.lines.map(steady)
      const from = printed.indexOf(shown[0] ?? '')
      expect(printed.slice(from, from + shown.length)).toEqual(shown)
      await running.interrupt()
    },
    /** Lists the vehicles, and prints what happens to them, whatever happens to its connection. */
    'sh live': async ({ text }) => {
      const { checkout, url } = stage()
      const token = (await checkout.run('echo "$OWNER"')).trim()
      const lend = () => run(url, token, 'startSharing', { vehicleId: 'FK852', fleetId: 'DE3P4' })
      const end = () => run(url, token, 'endSharing', { vehicleId: 'FK852' })
      await lend()
      await end()
      const door = await forward(url)
      const running = checkout.start(text.replaceAll('127.0.0.1:4000', new URL(door.url).host))
      try {
        await running.line(/"vehicles".*"id":"FK852","sharing":null/)
        await lend()
        await running.line(/^data:.*"id":"FK852","sharing":\{/)
        door.cut()
        await end()
        await door.open()
        await running.line(/^data:.*"id":"FK852","sharing":null/)
      } finally {
        door.close()
        await running.interrupt()
      }
    },
    /** Servers, each in a terminal of its own. */
    'sh server': async ({ text }, _next, previous) => {
      const commands = text.replaceAll(/\\\n */g, '').split('\n')
      await Promise.all(commands.map((command) => expectStarts(command, previous)))
    },
    /** Two instances, on two ports that are free. */
    'sh instances': async ({ text }) => {
      const port = await freePair()
      const instances = stage().checkout.start(localised(text), { PORT: `${port}` })
      for (const own of [port, port + 1]) await instances.line(new RegExp(LISTENS.source.replace('\\d+', `${own}`)))
      await expectDrains(instances)
    },
    graphql: async ({ text }, _next, _previous, index) => {
      expectValid(text)
      const [first, second] = blocks.slice(index + 1)
      const variables = first?.tag === 'json variables' ? first : undefined
      const token = (await stage().checkout.run('echo "$OWNER"')).trim()
      const { data, errors } = await post(
        stage().url,
        token,
        text,
        JSON.parse(variables?.text ?? '{}') as object as never,
      )
      expectAnswer(JSON.stringify({ data, errors }), variables ? second : first)
    },
    /** An answer, which the snippet before it was compared with. */
    json: (_block, _next, previous) => expect(previous?.tag).toMatch(/^sh( twice)?$|^json variables$|^graphql$/),
    'json variables': (_block, _next, previous) => expect(previous?.tag).toBe('graphql'),
    'json relay': ({ text }) => {
      const file = readFileSync(join(ROOT, 'test/clients/live/relay.config.json'), 'utf8')
      expect(JSON.parse(text)).toEqual(JSON.parse(file))
    },
    /** The schema that the plugin of an editor reads. */
    'json tsconfig': ({ text }) => {
      const { compilerOptions } = JSON.parse(text) as { compilerOptions: { plugins: { schema: string }[] } }
      expect(existsSync(join(ROOT, compilerOptions.plugins[0]?.schema ?? ''))).toBe(true)
    },
    'json claims': (_block, next) => expect(next?.tag).toBe('sh server'),
    /** A file that a later snippet runs. */
    js: async ({ text }, _next, _previous, index) => {
      const [, name = ''] = /^\/\/ ([\w.]+):/.exec(text) ?? []
      expect(
        blocks.slice(index).some((later) => later.tag === 'sh follow' && later.text.includes(`node ${name}`)),
      ).toBe(true)
      await writeFile(join(stage().checkout.folder, name), localised(text))
    },
    /** The settings of a code generator, which is not among this project's dependencies. */
    ts: async ({ text }) => {
      const file = join(stage().checkout.folder, 'codegen.ts')
      await writeFile(file, text)
      const { default: config } = (await import(file)) as { default: { schema: string; generates: object } }
      expect(existsSync(join(ROOT, config.schema))).toBe(true)
      expect(config.generates).toMatchObject({ 'src/gql/': { preset: 'client', config: PRESET_CONFIG } })
    },
    /** A file of this project, of which the first line gives the path; tests of its own run it. */
    'ts copy': ({ text }) => {
      const [, name = '', copied = ''] = /^\/\/ (\S+)\n([^]*)$/.exec(text) ?? []
      expect(`${copied}\n`).toBe(readFileSync(join(ROOT, name), 'utf8'))
    },
    'graphql document': ({ text }) => expectValid(text),
    /** Not run; its operations are those of the page. */
    kotlin: ({ text }) => {
      const documents = blocks.filter(({ tag }) => tag === 'graphql document').map((block) => block.text)
      for (const [, name = '', kind = ''] of text.matchAll(/\b([A-Z]\w*)(Query|Subscription)\(/g)) {
        expect(documents.join('\n')).toMatch(new RegExp(`^${kind.toLowerCase()} ${name}\\b`, 'm'))
      }
    },
    sql: async ({ text }) => {
      for (const statement of text.split(/(?<=;)\n/)) {
        const rows = await querySql(statement.startsWith('SELECT') ? ownDatabase() : superuser(), statement)
        if (statement.includes('behind')) expect(rows).toEqual([{ behind: '0' }])
        else if (statement.startsWith('SELECT')) expect(rows).toHaveLength(1)
      }
    },
    /** What the snippet before it printed, or a picture of things that exist. */
    text: ({ text }, _next, previous) => {
      if (previous?.tag === 'sh follow') return
      const names = text.match(/[A-Z]+_[A-Z_]+|\b[a-z]+[A-Z]\w*/g) ?? []
      expect(names.length).toBeGreaterThan(0)
      for (const name of names) expect(schemaText).toMatch(new RegExp(`^  ${name}\\b`, 'm'))
    },
  }
}

/** A test for each snippet of a page, one after the other, as they are read. What no rule covers fails. */
export function testSnippets(blocks: readonly Block[], stage: () => Stage, skipped: readonly Block[] = []): void {
  const rules = rulesOf(blocks, stage)
  for (const [index, block] of blocks.entries()) {
    if (skipped.includes(block)) continue
    it(`keeps what it says in "${block.section}", line ${block.line}: ${block.tag}`, async () => {
      const rule = rules[block.tag]
      if (!rule) throw new Error(`no rule covers a snippet that is tagged "${block.tag}"`)
      await rule(block, blocks[index + 1], blocks[index - 1], index)
    })
  }
}
