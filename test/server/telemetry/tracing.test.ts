import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { rm } from 'node:fs/promises'
import { describe, expect, inject, it, onTestFinished } from 'vitest'
import { ask, mutations, post } from '../../support/api.ts'
import { newDataDir } from '../../support/databases.ts'
import { endOfLog } from '../../support/events.ts'
import { freePort } from '../../support/ports.ts'
import { startNode } from '../../support/process.ts'
import { openAcknowledged } from '../../support/raw.ts'
import { DATABASE_KINDS, startServer } from '../../support/server.ts'
import type { ServerOptions } from '../../support/server.ts'
import { FOLLOW, subscribe, subscribeSse } from '../../support/sockets.ts'
import { makeWorld } from '../../support/world.ts'
import { VERSION } from '../../../src/version.ts'

type SeenSpan = {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue?: string } }[]
  readonly status: { readonly code?: number }
}

/** Takes OTLP over HTTP, as any collector does. */
async function startCollector() {
  const bodies: string[] = []
  const paths: (string | undefined)[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      paths.push(request.url)
      bodies.push(Buffer.concat(chunks).toString())
      response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  type Sent = { resourceSpans: [{ scopeSpans: { spans: SeenSpan[] }[] }] }
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    paths,
    text: () => bodies.join('\n'),
    spans: () =>
      bodies.flatMap((body) =>
        (JSON.parse(body) as Sent).resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
      ),
  }
}

type Collector = Awaited<ReturnType<typeof startCollector>>

const attribute = (span: SeenSpan | undefined, name: string) =>
  span?.attributes.find(({ key }) => key === name)?.value.stringValue

/** Runs what is to be traced; by the time that its server has stopped all of it was sent. */
async function traced(
  collector: Collector,
  options: ServerOptions,
  act: (world: Awaited<ReturnType<typeof makeWorld>>, url: string) => Promise<unknown>,
): Promise<SeenSpan[]> {
  const { env = {}, ...rest } = options
  const server = await startServer({ ...rest, env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, ...env } })
  const world = await makeWorld(server)
  await act(world, server.url)
  await server.close()
  return collector.spans()
}

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'
const traceparent = `00-${TRACE}-${PARENT}-01`

describe.each(DATABASE_KINDS)('traces, on %s,', (database) => {
  it("are part of the client's on each transport, with the statements of the database", async () => {
    const collector = await startCollector()
    const QUERY = 'query Names { vehicles { nodes { name fleet { name } } } }'
    const spans = await traced(collector, { database }, async (world, url) => {
      await world.newVehicle({ name: 'a secret name', vin: 'WVWZZZ1JZXW000001' })
      const after = await endOfLog(url, world.as.owner)
      // The third time the short way is taken.
      for (const id of ['first', 'second', 'third']) {
        await post(url, world.as.owner, QUERY, {}, { traceparent, 'X-Request-Id': id })
      }
      const create = { name: 'another secret' }
      await post(url, world.as.owner, mutations.createVehicle, { input: create }, { traceparent })
      const { send, message, socket } = await openAcknowledged(url, world.as.owner)
      send({ id: '1', type: 'subscribe', payload: { query: QUERY, extensions: { traceparent } } })
      await message(({ type }) => type === 'complete')
      socket.close()
      const follow = await subscribeSse(url, world.as.owner, FOLLOW, { after })
      await follow.received(1)
      follow.stop()
    })
    expect(new Set(collector.paths)).toEqual(new Set(['/v1/traces']))
    expect(collector.text()).toContain(`{"key":"service.version","value":{"stringValue":"${VERSION}"}}`)
    const operations = spans.filter(({ traceId, parentSpanId }) => traceId === TRACE && parentSpanId === PARENT)
    expect(operations.map((span) => [span.name, attribute(span, 'fleetshare.transport')])).toEqual([
      ['query', 'http'],
      ['query', 'http'],
      ['query', 'http'],
      ['mutation', 'http'],
      ['query', 'websocket'],
    ])
    expect(operations.slice(0, 3).map((span) => attribute(span, 'fleetshare.request_id'))).toEqual([
      'first',
      'second',
      'third',
    ])
    expect(attribute(operations[0], 'graphql.operation.name')).toBe('Names')
    for (const { spanId } of operations) {
      const statements = spans.filter(({ parentSpanId }) => parentSpanId === spanId)
      expect(statements.length).toBeGreaterThan(0)
      for (const { name, traceId } of statements) {
        expect(name).toMatch(/^[\w ]{1,40}$/)
        expect(traceId).toBe(TRACE)
      }
    }
    expect(spans.filter(({ name }) => name === 'subscription')).toHaveLength(1)
    expect(spans.every(({ status }) => status.code !== 2)).toBe(true)
    expect(collector.text()).toContain('"fleetshare"')
    expect(collector.text()).not.toMatch(/secret|WVWZZZ|eyJ/)
  })
})

it('statements of subscribers are no part of the operation that wrote the event', async () => {
  const collector = await startCollector()
  // Its answer asks the database, too, once the event is written.
  const CREATE = `mutation ($input: CreateVehicleInput!) { createVehicle(input: $input) {
    ... on CreateVehicleSuccess { vehicle { sharings { nodes { id } } } } } }`
  const spans = await traced(collector, {}, async (world, url) => {
    const create = () => post(url, world.as.owner, CREATE, { input: {} }, { traceparent })
    await world.newVehicle()
    await create()
    const after = await endOfLog(url, world.as.owner)
    const follow = await subscribe(url, world.as.owner, FOLLOW, { after })
    await world.newVehicle()
    await follow.received(1)
    for (let n = 0; n < 10; n++) await create()
    await follow.received(11)
    follow.stop()
  })
  const [alone, ...followed] = spans.filter(({ traceId, name }) => traceId === TRACE && name === 'mutation')
  const asked = (by: SeenSpan | undefined) =>
    spans.filter(({ parentSpanId }) => parentSpanId === by?.spanId).map(({ name }) => name)
  expect(asked(alone).length).toBeGreaterThan(1)
  expect(followed).toHaveLength(10)
  for (const one of followed) expect(asked(one).toSorted()).toEqual(asked(alone).toSorted())
})

it('traces show that an operation failed', async () => {
  const collector = await startCollector()
  const spans = await traced(collector, {}, (world, url) =>
    post(url, world.as.owner, '{ vehicles(first: 101) { nodes { id } } }', {}, { traceparent }),
  )
  expect(spans.find(({ traceId }) => traceId === TRACE)?.status.code).toBe(2)
})

it('a client can ask not to be traced, and none is traced more often than the ratio', async () => {
  const collector = await startCollector()
  const env = { OTEL_TRACES_SAMPLER_ARG: '0' }
  const query = '{ viewer { roles } }'
  const none = await traced(collector, { env }, (world, url) => post(url, world.as.owner, query, {}, { traceparent }))
  expect(none).toEqual([])
  const spans = await traced(collector, {}, async (world, url) => {
    const notSampled = traceparent.replace(/01$/, '00')
    await post(url, world.as.owner, query, {}, { traceparent: notSampled })
    await post(url, world.as.owner, query, {}, { traceparent: 'nonsense' })
  })
  expect(spans.filter(({ traceId }) => traceId === TRACE)).toEqual([])
  expect(spans.filter(({ name, parentSpanId }) => name === 'query' && !parentSpanId)).toHaveLength(1)
})

it('a collector that is away costs its spans and nothing else', async () => {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}` }
  const server = await startServer({ env })
  const world = await makeWorld(server)
  expect(await ask(server.url, world.as.owner, '{ viewer { roles } }')).toEqual({ viewer: { roles: ['MANAGER'] } })
  const begun = performance.now()
  await server.close()
  expect(performance.now() - begun).toBeLessThan(5_000)
})

it('a server without traces and metrics does not load their packages', async () => {
  const hooks = `import { registerHooks } from 'node:module'
    registerHooks({ load(url, context, next) {
      if (/opentelemetry|prom-client|server\\/(tracing|metrics)/.test(url)) console.error('loaded ' + url)
      return next(url, context) } })`
  const start = async (env: Readonly<Record<string, string>>) => {
    const folder = await newDataDir(inject('embeddedTemplate'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(hooks)}`
    const program = startNode('src/main.ts', { PORT: '0', DATA_DIR: folder, NODE_OPTIONS, ...env })
    await program.line(/FleetShare listens on/)
    program.child.kill('SIGTERM')
    await program.ended
    return program.complaints.filter((line) => line.startsWith('loaded '))
  }
  expect(await start({})).toEqual([])
  const loaded = await start({
    METRICS_PORT: `${await freePort()}`,
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}`,
  })
  expect(loaded.length).toBeGreaterThan(3)
})
