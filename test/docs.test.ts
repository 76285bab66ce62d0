import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { buildSchema, isEnumType, isInputObjectType, isInterfaceType, isObjectType } from 'graphql'
import { CloseCode } from 'graphql-ws'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ERROR_CODES } from '../src/domain/errors.ts'
import { TOP_LEVEL_CODES } from '../src/graphql/base/errors.ts'
import { CLOSE } from '../src/server/websocket/connection.ts'
import { newKey, startProvider } from './support/provider.ts'
import { blocksOf, makeCheckout, ROOT, tableOf } from './support/readme.ts'
import { LISTENS, testSnippets } from './support/snippets.ts'
import type { Stage } from './support/snippets.ts'

const files = readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`)
const pages = ['README.md', ...files.filter((name) => name.endsWith('.md'))]
const forContributors = readdirSync(join(ROOT, '.github')).flatMap((name) =>
  name.endsWith('.md') ? [`.github/${name}`] : [],
)
const pictures = files.filter((name) => name.endsWith('.png'))
const read = (page: string) => readFileSync(join(ROOT, page), 'utf8')
/** What a page sets in the type of code, its snippets left out. */
const words = (text: string) =>
  Array.from(text.replaceAll(/^```[^]*?^```$/gm, '').matchAll(/`([^`]+)`/g), ([, word = '']) => word)
const schema = buildSchema(read('schema.graphql'))
const valuesOf = (name: string) => {
  const type = schema.getType(name)
  return isEnumType(type) ? type.getValues().map((value) => value.name) : []
}

/** Of a page's headings, as GitHub makes them. */
const anchorsOf = (page: string) =>
  Array.from(read(page).matchAll(/^#+ (.*)$/gm), ([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\s-]/g, '')
      .replaceAll(' ', '-'),
  )

it.each([...pages, ...forContributors])('%s has no broken link', (page) => {
  const links = Array.from(read(page).matchAll(/\]\((?!https?:)([^)#]*)(?:#([\w-]+))?\)/g), ([, link = '', anchor]) => {
    const target = link === '' ? page : posix.join(dirname(page), link)
    return { target, anchor }
  })
  expect(links.map(({ target }) => target).filter((target) => !existsSync(join(ROOT, target)))).toEqual([])
  for (const { target, anchor } of links) if (anchor) expect(anchorsOf(target), target).toContain(anchor)
})

it('README.md leads to every page', () => {
  for (const page of pages.slice(1)) expect(read('README.md')).toContain(`(${page})`)
})

it('README.md shows every picture, each small enough to load with it', () => {
  expect(pictures.length).toBeGreaterThan(0)
  for (const picture of pictures) {
    expect(read('README.md')).toMatch(new RegExp(`!\\[[^\\]]+\\]\\(${picture}\\)`))
    expect(statSync(join(ROOT, picture)).size).toBeLessThan(150_000)
  }
})

// The guide for clients names files of its readers' projects.
it.each(pages.filter((page) => page !== 'docs/clients.md'))('%s names files and folders that exist', (page) => {
  const paths = words(read(page)).filter((word) => /^(?:src|test|prisma|deploy|docs)\/[\w./-]*$/.test(word))
  expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
})

describe('docs/errors.md', () => {
  const page = read('docs/errors.md')
  const firstOf = (header: string) => tableOf(page, header).map(([first = '']) => first.replaceAll('`', ''))

  it('has every code of a refusal, and no other, each with its cause and remedy', () => {
    expect(firstOf('`UserError.code`')).toEqual(Object.keys(ERROR_CODES))
  })

  it('has every code of a top-level error, and no other', () => {
    expect(firstOf('`extensions.code`').toSorted()).toEqual([...TOP_LEVEL_CODES].toSorted())
  })

  it('has every code that a WebSocket is closed with', () => {
    const { BadRequest, Unauthorized, Forbidden, SubprotocolNotAcceptable, ...others } = CloseCode
    const { ConnectionInitialisationTimeout, SubscriberAlreadyExists, TooManyInitialisationRequests } = others
    const ofProtocol = [BadRequest, Unauthorized, Forbidden, SubprotocolNotAcceptable, ConnectionInitialisationTimeout]
    const known = [...Object.values(CLOSE), ...ofProtocol, SubscriberAlreadyExists, TooManyInitialisationRequests]
    // 1009 is said by the socket itself.
    expect(firstOf('close code').map(Number)).toEqual([...new Set([...known, 1009])].toSorted((a, b) => a - b))
  })

  it.each(['`UserError.code`', '`extensions.code`', 'close code'])(
    'leaves no cell empty of the table of %s',
    (header) => {
      for (const row of tableOf(page, header)) expect(row.filter((cell) => cell === '')).toEqual([])
    },
  )
})

describe('docs/rest.md', () => {
  const page = read('docs/rest.md')

  it('names fields that there are', () => {
    const fields = words(page).filter((word) => /^[A-Z]\w+\.\w+$/.test(word))
    expect(fields.length).toBeGreaterThan(30)
    for (const field of fields) {
      const [name = '', own = ''] = field.split('.')
      const type = schema.getType(name)
      const hasFields = isObjectType(type) || isInputObjectType(type) || isInterfaceType(type)
      expect(hasFields && Object.keys(type.getFields()), field).toContain(own)
    }
  })

  it('has all commands and all kinds of events', () => {
    const named = words(page)
    for (const name of [...valuesOf('CommandType'), ...valuesOf('VehicleEventType')]) expect(named).toContain(name)
  })

  it('names no code, command or event that there is not', () => {
    const known = ['CommandType', 'VehicleEventType', 'ErrorCode'].flatMap(valuesOf)
    for (const name of words(page).filter((word) => /^[A-Z]+_[A-Z_]+$/.test(word))) expect(known).toContain(name)
  })
})

/** Their snippets go on from the README's first query, each page's with a server of its own. */
const guides = ['docs/integrate.md', 'docs/connect.md', 'docs/clients.md']
const hasTools = ['bash', 'curl'].every((tool) => spawnSync(tool, ['--version']).status === 0)
describe.skipIf(!hasTools).each(guides)('%s, read after the README', (guide) => {
  const preparations = blocksOf(read('README.md')).filter(
    ({ section, tag }) => section === 'First query' && tag === 'sh',
  )
  let stage: Stage

  beforeAll(async () => {
    const key = await newKey('ES256', 'key')
    const [checkout, provider] = await Promise.all([makeCheckout(), startProvider(key)])
    stage = { checkout, provider, key, url: '' }
    const demo = checkout.start('npm start', { PORT: '0' })
    const [, url = ''] = await demo.line(LISTENS)
    stage = { ...stage, url }
    for (const { text } of preparations) await checkout.run(text.replaceAll('127.0.0.1:4000', new URL(url).host))
  })
  afterAll(async () => {
    await stage?.checkout.remove()
    await stage?.provider.stop()
  })

  testSnippets(blocksOf(read(guide)), () => stage)

  if (guide !== 'docs/integrate.md') return
  it('ends a subscription that is refused for good', async () => {
    const following = stage.checkout.run('env TOKEN="$PARTNER" node follow.mjs "no cursor"')
    await expect(following).rejects.toThrow(/^it ended with 1: interrupted: BAD_USER_INPUT \w/)
  })
})

it.each(['docs/errors.md', 'docs/integrate.md', 'docs/operate.md', 'docs/settings.md'])(
  '%s names no code, type or setting that there is not',
  (page) => {
    const settings = Array.from(read('src/settings.ts').matchAll(/^ {2}([A-Z_]+): given\(/gm), ([, name = '']) => name)
    const enums = Object.values(schema.getTypeMap()).flatMap(({ name }) => valuesOf(name))
    const containers = read('deploy/compose.yaml').match(/\b[A-Z]+_[A-Z_]+\b/g) ?? []
    const known = [...settings, ...enums, ...TOP_LEVEL_CODES, ...containers]
    const named = words(read(page)).filter((word) => /^[A-Z]+_[A-Z_]+$/.test(word))
    expect(named.length).toBeGreaterThan(5)
    expect(named.filter((name) => !known.includes(name))).toEqual([])
  },
)

it('no other page has untested snippets', () => {
  // Those of the operator's page are tested after the README's, those of proxies and upgrades by tests of their own.
  const tested = [...guides, 'docs/operate.md', 'docs/proxies.md', 'docs/upgrade.md']
  const others = pages.slice(1).filter((page) => !tested.includes(page))
  for (const page of others) expect(blocksOf(read(page))).toEqual([])
})
