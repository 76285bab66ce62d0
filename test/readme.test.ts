import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readSettings } from '../src/settings.ts'
import { ask, post } from './support/api.ts'
import { newKey, startProvider } from './support/provider.ts'
import type { SigningKey, TestProvider } from './support/provider.ts'
import { blocksOf, makeCheckout, ROOT, tableOf } from './support/readme.ts'
import type { Checkout, Running } from './support/readme.ts'
import { expectDrains, LISTENS, querySql, superuser, testSnippets } from './support/snippets.ts'

const page = readFileSync(join(ROOT, 'README.md'), 'utf8')
const blocks = blocksOf(page)
/** Its snippets go on from those of the README, in the same shell. */
const operators = readFileSync(join(ROOT, 'docs/operate.md'), 'utf8')
const settingsPage = readFileSync(join(ROOT, 'docs/settings.md'), 'utf8')
const errorsPage = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8')
const schemaText = readFileSync(join(ROOT, 'schema.graphql'), 'utf8')
const { scripts, engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>
  engines: { node: string }
}

const hasTools = ['bash', 'curl'].every((tool) => spawnSync(tool, ['--version']).status === 0)
if (!hasTools) console.warn('\n*** The snippets of README.md are NOT tested: they need bash and curl. ***\n')

let checkout: Checkout
let demo: Running
let url: string
let provider: TestProvider
let key: SigningKey

const setUp = blocks.filter(({ section }) => section === 'Set up')
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

  testSnippets(blocks, () => ({ checkout, url, provider, key }), setUp)
  testSnippets(blocksOf(operators), () => ({ checkout, url, provider, key }))

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
    const [, status] = tableOf(errorsPage, '`extensions.code`').find(([name]) => name === `\`${code}\``) ?? []
    const token = (await checkout.run('npm run --silent token -- --fleet 78LMK --role viewer')).trim()
    const answer = await post(url, code === 'UNAUTHENTICATED' ? null : token, query)
    expect(answer.errors?.[0]?.extensions.code).toBe(code)
    expect(status?.split(/ or |, /)).toContain(String(answer.status))
  })

  it('stops the demo server by Ctrl-C', () => expectDrains(demo))
})

describe('README.md, beside its snippets,', () => {
  it('names the settings that there are, with their defaults', () => {
    const source = readFileSync(join(ROOT, 'src/settings.ts'), 'utf8')
    const known = Array.from(source.matchAll(/^ {2}([A-Z_]+): given\(/gm), ([, name]) => name)
    const words = (cell = '') => Array.from(cell.matchAll(/`([^`]+)`/g), ([, word]) => word)
    const rows = tableOf(settingsPage, 'variable')
    expect(new Set(rows.flatMap(([names]) => words(names)))).toEqual(new Set(known))
    const settings = readSettings({})
    const { host, port, dataDir, fleetClaim, rolesClaim, production, logLevel, ...more } = settings
    const { poolSize, socketsPerToken, operationsAtOnce, idleMaxSilenceMinutes, retentionMs, ...rest } = more
    const { shutdownDelayMs, console: hasConsole, readingRetentionMs, ...others } = rest
    expect(readingRetentionMs).toBe(retentionMs)
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
      String(idleMaxSilenceMinutes),
      String(retentionMs / 24 / 60 / 60 / 1000),
      String(shutdownDelayMs / 1000),
      String(readSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://otel' }).tracing?.ratio),
      logLevel,
    ])
    expect(hasConsole).toBe(true)
    expect(others).toEqual({
      databaseUrl: null,
      databaseDirectUrl: null,
      databaseReplicaUrl: null,
      maxTokenAgeMs: null,
      partitionEvents: null,
      provider: null,
      allowedOrigins: [],
      metricsPort: null,
      tracing: null,
      rateLimit: null,
      trustedDocuments: null,
    })
  })

  it('names npm scripts, codes and fields that there are', () => {
    const moved = ['integrate', 'connect', 'performance'].map((name) =>
      readFileSync(join(ROOT, `docs/${name}.md`), 'utf8'),
    )
    const text = [page, operators, settingsPage, ...moved].join('\n')
    const named = Array.from(text.matchAll(/npm (?:run (?:--silent )?([\w-]+)|(start|test)\b)/g))
    for (const [, run, short] of named) expect(Object.keys(scripts)).toContain(run ?? short)
    const sources = [
      'src/settings.ts',
      'src/graphql/base/errors.ts',
      'src/server/http/http-server.ts',
      'src/log.ts',
      'src/main.ts',
      'deploy/compose.yaml',
      'test/clients/apollo.ts',
    ]
    const texts = [schemaText, ...sources.map((file) => readFileSync(join(ROOT, file), 'utf8'))].join('\n')
    for (const [, name = ''] of text.matchAll(/`([A-Z]+_[A-Z_]+|[a-z]+[A-Z]\w*)`/g))
      expect(texts).toMatch(new RegExp(`\\b${name}\\b`))
  })

  it('asks for the Node that package.json asks for', () => {
    const [, version] = /Node\.js ([\d.]+) or later/.exec(page) ?? []
    expect(engines.node).toBe(`>=${version}`)
  })
})
