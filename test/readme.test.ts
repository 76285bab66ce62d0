import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buildSchema, parse, validate } from 'graphql'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { readSettings } from '../src/settings.ts'
import { PRESET_CONFIG } from './clients/generate.ts'
import { ask, post } from './support/api.ts'
import { ISSUER, newKey, startProvider } from './support/provider.ts'
import type { SigningKey, TestProvider } from './support/provider.ts'
import { freePair } from './support/ports.ts'
import { blocksOf, makeCheckout, ROOT, tableOf } from './support/readme.ts'
import type { Block, Checkout, Running } from './support/readme.ts'

const page = readFileSync(join(ROOT, 'README.md'), 'utf8')
const blocks = blocksOf(page)
const schemaText = readFileSync(join(ROOT, 'schema.graphql'), 'utf8')
const schema = buildSchema(schemaText)
const { scripts, engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>
  engines: { node: string }
}

const LISTENS = /FleetShare listens on (http:\/\/127\.0\.0\.1:\d+)\/graphql/
const HAS_URL = 'postgresql://fleetshare:secret@localhost:5432/fleetshare'

const hasTools = ['bash', 'curl'].every((tool) => spawnSync(tool, ['--version']).status === 0)
if (!hasTools) console.warn('\n*** The snippets of README.md are NOT tested: they need bash and curl. ***\n')

let checkout: Checkout
let demo: Running
let url: string
let provider: TestProvider
let key: SigningKey

const setUp = blocks.filter(({ section }) => section === 'Set up')
const superuser = () => `${inject('postgresUrl')}/postgres`
const ownDatabase = () => {
  const { host } = new URL(inject('postgresUrl'))
  return HAS_URL.replace('localhost:5432', host)
}

/** The page's addresses, which are taken or do not exist here, replaced by the test's. */
const localised = (text: string): string =>
  text
    .replaceAll('127.0.0.1:4000', new URL(url).host)
    .replaceAll(HAS_URL, ownDatabase())
    .replaceAll(/PORT=\d+/g, 'PORT=0')
    .replaceAll(`${ISSUER}/keys`, provider.jwksUrl)

/** Ids and cursors differ from run to run; everything else has to be as the page shows it. */
const steady = (text: string): string =>
  text
    .replaceAll(/"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"/g, '"an id"')
    .replaceAll(/"cursor":"[\w-]{22}"|(?<="endCursor": ?)"[\w-]{22}"/g, '"a cursor"')

async function querySql(databaseUrl: string, text: string): Promise<unknown[]> {
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

async function expectDrains(server: Running): Promise<void> {
  await server.interrupt()
  expect(server.lines.join('\n')).toContain('SIGINT: draining')
}

async function expectStarts(command: string, claims: Block | undefined): Promise<void> {
  const server = checkout.start(localised(command))
  const [, address = ''] = await server.line(LISTENS)
  expect((await fetch(`${address}/ready`)).status).toBe(200)
  if (claims?.tag === 'json claims') {
    const said = JSON.parse(claims.text) as Record<string, unknown>
    const token = await key.sign({ ...said, exp: Math.floor(Date.now() / 1000) + 60 })
    const { viewer } = await ask(address, token, '{ viewer { fleet { id } roles } }')
    expect(viewer).toEqual({ fleet: { id: said['fleet_id'] }, roles: said['roles'] })
  }
  await expectDrains(server)
}

type Rule = (block: Block, next: Block | undefined, previous: Block | undefined, index: number) => Promise<void> | void

/** How each kind of snippet is put to the test. What no rule covers fails. */
const RULES: Readonly<Record<string, Rule>> = {
  /** Runs to its end. */
  sh: async ({ text }, next) => {
    for (const [, operation = ''] of text.matchAll(/ask "[^']*" '([^']*)'/g)) expectValid(operation)
    expectAnswer(await checkout.run(localised(text)), next)
  },
  /** The same when it is repeated. */
  'sh twice': async ({ text }, next) => {
    const first = await checkout.run(localised(text))
    expectAnswer(first, next)
    expect(await checkout.run(localised(text))).toBe(first)
  },
  /** Prints what the page shows next, and runs on until it is stopped. */
  'sh follow': async ({ text }, next) => {
    expect(next?.tag).toBe('text')
    const shown = steady(next?.text ?? '').split('\n')
    const running = checkout.start(localised(text))
    await running.line(/"(cursor|commandId)":/)
    const printed = running.lines.map(steady)
    const from = printed.indexOf(shown[0] ?? '')
    expect(printed.slice(from, from + shown.length)).toEqual(shown)
    await running.interrupt()
  },
  /** Servers, each in a terminal of its own. */
  'sh server': async ({ text }, _next, previous) => {
    const commands = text.replaceAll(/\\\n */g, '').split('\n')
    await Promise.all(commands.map((command) => expectStarts(command, previous)))
  },
  /** Two instances, on two ports that are free. */
  'sh instances': async ({ text }) => {
    const port = await freePair()
    const instances = checkout.start(localised(text), { PORT: `${port}` })
    for (const own of [port, port + 1]) await instances.line(new RegExp(LISTENS.source.replace('\\d+', `${own}`)))
    await expectDrains(instances)
  },
  graphql: async ({ text }, _next, _previous, index) => {
    expectValid(text)
    const [first, second] = blocks.slice(index + 1)
    const variables = first?.tag === 'json variables' ? first : undefined
    const token = (await checkout.run('echo "$OWNER"')).trim()
    const { data, errors } = await post(url, token, text, JSON.parse(variables?.text ?? '{}') as object as never)
    expectAnswer(JSON.stringify({ data, errors }), variables ? second : first)
  },
  /** An answer, which the snippet before it was compared with. */
  json: (_block, _next, previous) => expect(previous?.tag).toMatch(/^sh( twice)?$|^json variables$|^graphql$/),
  'json variables': (_block, _next, previous) => expect(previous?.tag).toBe('graphql'),
  'json claims': (_block, next) => expect(next?.tag).toBe('sh server'),
  /** A file that a later snippet runs. */
  js: async ({ text }, _next, _previous, index) => {
    const [, name = ''] = /^\/\/ ([\w.]+):/.exec(text) ?? []
    expect(blocks.slice(index).some((later) => later.tag === 'sh follow' && later.text.includes(`node ${name}`))).toBe(
      true,
    )
    await writeFile(join(checkout.folder, name), localised(text))
  },
  /** The settings of a code generator, which is not among this project's dependencies. */
  ts: async ({ text }) => {
    const file = join(checkout.folder, 'codegen.ts')
    await writeFile(file, text)
    const { default: config } = (await import(file)) as { default: { schema: string; generates: object } }
    expect(existsSync(join(ROOT, config.schema))).toBe(true)
    expect(config.generates).toMatchObject({ 'src/gql/': { preset: 'client', config: PRESET_CONFIG } })
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

const dropAll = async () => {
  await querySql(superuser(), 'DROP DATABASE IF EXISTS fleetshare')
  await querySql(superuser(), 'DROP ROLE IF EXISTS fleetshare')
}

describe.skipIf(!hasTools)('README.md', () => {
  beforeAll(async () => {
    key = await newKey('ES256', 'key')
    ;[checkout, provider] = await Promise.all([makeCheckout(), startProvider(key)])
    await dropAll()
    demo = checkout.start((setUp[0]?.text ?? '').replace('npm ci && ', ''), { PORT: '0' })
    ;[, url = ''] = await demo.line(LISTENS)
  })
  afterAll(async () => {
    await checkout?.remove()
    await provider?.stop()
    await dropAll()
  })

  it('sets up with two commands, on the first screen', () => {
    expect(setUp.map(({ tag, text }) => [tag, text])).toEqual([
      ['sh', 'npm ci && npm start'],
      ['sh', 'npm ci && npm test'],
    ])
    expect(setUp[1]?.line).toBeLessThan(45)
    expect(existsSync(join(ROOT, 'package-lock.json'))).toBe(true)
  })

  for (const [index, block] of blocks.entries()) {
    if (setUp.includes(block)) continue
    it(`keeps what it says in "${block.section}", line ${block.line}: ${block.tag}`, async () => {
      const rule = RULES[block.tag]
      if (!rule) throw new Error(`no rule covers a snippet that is tagged "${block.tag}"`)
      await rule(block, blocks[index + 1], blocks[index - 1], index)
    })
  }

  it('knows the demo world', async () => {
    const token = async (fleetId: string) =>
      (await checkout.run(`npm run --silent token -- --fleet ${fleetId} --role viewer`)).trim()
    const fleets = [...page.matchAll(/(\w+) \(`(\w{5})`\)/g)]
    expect(fleets).toHaveLength(3)
    let vehicles = 0
    for (const [, name, id = ''] of fleets) {
      const query = '{ viewer { fleet { name } } vehicles(first: 100, filter: { relation: OWNED }) { nodes { id } } }'
      const { viewer, vehicles: own } = await ask(url, await token(id), query)
      expect(viewer.fleet.name).toBe(name)
      vehicles += own.nodes.length
    }
    expect(page).toContain(` ${vehicles} vehicles`)
  })

  it.each([
    ['UNAUTHENTICATED', '{ viewer { roles } }'],
    ['FORBIDDEN', '{ fleets { nodes { id } } }'],
    ['BAD_USER_INPUT', '{ vehicles(first: 101) { nodes { id } } }'],
  ])('says with which HTTP status %s comes', async (code, query) => {
    const [, status] = tableOf(page, 'code').find(([name]) => name === `\`${code}\``) ?? []
    const token = (await checkout.run('npm run --silent token -- --fleet 78LMK --role viewer')).trim()
    const answer = await post(url, code === 'UNAUTHENTICATED' ? null : token, query)
    expect(answer.errors?.[0]?.extensions.code).toBe(code)
    expect(status?.split(' or ')).toContain(String(answer.status))
  })

  it('stops the demo server by Ctrl-C', () => expectDrains(demo))
})

describe('README.md, beside its snippets,', () => {
  it('names the settings that there are, with their defaults', () => {
    const source = readFileSync(join(ROOT, 'src/settings.ts'), 'utf8')
    const known = Array.from(source.matchAll(/^ {2}([A-Z_]+): given\(/gm), ([, name]) => name)
    const words = (cell = '') => Array.from(cell.matchAll(/`([^`]+)`/g), ([, word]) => word)
    const rows = tableOf(page, 'variable')
    expect(new Set(rows.flatMap(([names]) => words(names)))).toEqual(new Set(known))
    const settings = readSettings({})
    const { host, port, dataDir, fleetClaim, rolesClaim, production, logLevel, ...more } = settings
    const { poolSize, socketsPerToken, operationsAtOnce, retentionMs, console: hasConsole, ...others } = more
    expect(rows.flatMap(([, defaults]) => words(defaults))).toEqual([
      host,
      String(port),
      String(poolSize),
      dataDir,
      fleetClaim,
      rolesClaim,
      production ? 'production' : 'development',
      String(socketsPerToken),
      String(operationsAtOnce),
      String(retentionMs / 24 / 60 / 60 / 1000),
      String(readSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://otel' }).tracing?.ratio),
      logLevel,
    ])
    expect(hasConsole).toBe(true)
    expect(others).toEqual({
      databaseUrl: null,
      databaseDirectUrl: null,
      provider: null,
      allowedOrigins: [],
      metricsPort: null,
      tracing: null,
      rateLimit: null,
      trustedDocuments: null,
    })
  })

  it('names npm scripts, codes and fields that there are', () => {
    const named = Array.from(page.matchAll(/npm (?:run (?:--silent )?([\w-]+)|(start|test)\b)/g))
    for (const [, run, short] of named) expect(Object.keys(scripts)).toContain(run ?? short)
    const sources = ['src/settings.ts', 'src/graphql/errors.ts', 'src/server/http.ts', 'src/log.ts', 'src/main.ts']
    const texts = [schemaText, ...sources.map((file) => readFileSync(join(ROOT, file), 'utf8'))].join('\n')
    for (const [, name = ''] of page.matchAll(/`([A-Z]+_[A-Z_]+|[a-z]+[A-Z]\w*)`/g))
      expect(texts).toMatch(new RegExp(`\\b${name}\\b`))
  })

  it('asks for the Node that package.json asks for', () => {
    const [, major] = /Node\.js (\d+) or later/.exec(page) ?? []
    expect(engines.node).toBe(`>=${major}`)
  })
})
