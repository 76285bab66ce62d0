import fc from 'fast-check'
import {
  execute,
  getOperationAST,
  getVariableValues,
  isInputType,
  Kind,
  OperationTypeNode,
  parse,
  parseType,
  validate,
} from 'graphql'
import type { DocumentNode, ExecutionResult, GraphQLInputType, OperationDefinitionNode } from 'graphql'
import { describe, expect, it } from 'vitest'
import type { Viewer } from '../../../../src/domain/access/viewer.ts'
import { RequestError } from '../../../../src/domain/errors.ts'
import { contextOf } from '../../../../src/graphql/base/context.ts'
import type { Context, Services } from '../../../../src/graphql/base/context.ts'
import { schema } from '../../../../src/graphql/schema.ts'
import { variableCoercion } from '../../../../src/server/engine/compile/coerce-variables.ts'
import { compile, isForInterpreter, withPlaces } from '../../../../src/server/engine/compile/compile.ts'
import { operationsOf } from '../../../support/operations.ts'
import type { Operation } from '../../../support/operations.ts'

type Call = readonly [name: string, args: readonly unknown[]]

const NOW = Date.parse('2030-01-01T00:00:00Z')
const claims = { roles: [], expiresAt: NOW, issuedAt: NOW, subject: 'she', tokenId: 'T' }
const VIEWERS: readonly Viewer[] = [
  { ...claims, fleetId: 'F', kind: 'FLEET', member: { fleetId: 'F', role: 'MANAGER' } },
  { ...claims, fleetId: null, kind: 'ADMIN' },
  { ...claims, fleetId: null, kind: 'GATEWAY' },
]

/** Data that answers nothing, and notes what it is asked. */
function noting(viewer: Viewer): { readonly context: Context; readonly calls: Call[] } {
  const calls: Call[] = []
  const answer = (name: string, args: readonly unknown[]): unknown => {
    calls.push([name, args])
    if (name === '$now') return NOW
    if (name === 'event.cursor') return 'cursor'
    if (name === 'event.position') return 1
    if (name === 'event.place') return { position: 1, tag: 1, epoch: 0 }
    if (/\.(page|partners|history)$/.test(name)) return Promise.resolve([])
    return name.startsWith('$loaders') ? null : Promise.reject(new RequestError('CONFLICT'))
  }
  const named = (name: string): unknown =>
    new Proxy(() => {}, {
      get: (_target, property) => named(name === '' ? String(property) : `${name}.${String(property)}`),
      apply: (_target, _self, args: unknown[]) =>
        name === '$loaders' ? named('$loaders') : answer(name, structuredClone(args)),
    })
  const services = { prisma: named(''), tail: {}, onRefusal: () => {} } as unknown as Services
  return { context: contextOf(services, { viewer, requestId: 'R', transport: 'http' }), calls }
}

type Told = { readonly calls: readonly Call[]; readonly result: ExecutionResult }

const json = ({ errors, data }: ExecutionResult): unknown => JSON.parse(JSON.stringify({ errors, data }))

/** Valid as a server takes it; null for all else. */
function validOperation({ query }: Operation): { document: DocumentNode; operation: OperationDefinitionNode } | null {
  const document = parse(query)
  const operation = getOperationAST(document)
  try {
    return operation && validate(schema, document).length === 0 ? { document, operation } : null
  } catch {
    // graphql-js throws for a subscription whose field depends on a variable.
    return null
  }
}

/** What a subscription is about. */
const happened = (query: string) => ({
  id: 'C',
  position: 1,
  type: query.includes('commandDispatches') ? 'DRAW_ATTENTION' : 'VEHICLE_CHANGED',
  vehicleId: 'V',
  occurredAt: NOW,
  recordedAt: NOW,
  deadline: NOW,
  requestId: 'R',
})

async function both({ query, variables }: Operation, viewer: Viewer): Promise<[Told, Told] | 'refused' | null> {
  const valid = validOperation({ query, variables })
  const compiled = valid && compile(valid.document, valid.operation)
  if (!compiled) return null
  const rootValue = valid.operation.operation === OperationTypeNode.SUBSCRIPTION ? happened(query) : undefined
  const left = noting(viewer)
  const interpreted = await execute({
    schema,
    document: valid.document,
    rootValue,
    variableValues: variables,
    contextValue: left.context,
  })
  const values = compiled.valuesOf(variables)
  if (!values) {
    // Either nothing was executed, or not the field with the argument.
    expect(interpreted.errors?.length).toBeGreaterThan(0)
    return 'refused'
  }
  const right = noting(viewer)
  const result = await compiled.execute(rootValue, right.context, values)
  const placed = result.errors ? withPlaces(result, valid.document) : result
  return [
    { calls: left.calls, result: interpreted },
    { calls: right.calls, result: isForInterpreter(result) ? interpreted : placed },
  ]
}

const inOrder = (calls: readonly Call[]) => calls.map((call) => JSON.stringify(call)).toSorted()

describe.each(['query', 'mutation', 'subscription'] as const)('a compiled %s', (kind) => {
  it('asks for the same as graphql-js, and answers the same', async () => {
    const outcomes = { equal: 0, refused: 0, left: 0 }
    await fc.assert(
      fc.asyncProperty(
        operationsOf(schema, ['FK852'], kind),
        fc.constantFrom(...VIEWERS),
        async (operation, viewer) => {
          const told = await both(operation, viewer)
          if (told === null) return void outcomes.left++
          if (told === 'refused') return void outcomes.refused++
          const [interpreted, compiled] = told
          expect(json(compiled.result)).toEqual(json(interpreted.result))
          // Where a field is refused, graphql-js leaves its neighbours, or not, by how fast they are.
          if (!interpreted.result.errors) expect(inOrder(compiled.calls)).toEqual(inOrder(interpreted.calls))
          outcomes.equal++
        },
      ),
      { numRuns: 1_000 },
    )
    expect(outcomes.equal).toBeGreaterThan(20)
    expect(outcomes.refused).toBeGreaterThan(0)
  })
})

describe('variables', () => {
  const types = new Set<GraphQLInputType>()
  for (const root of [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]) {
    for (const { args } of Object.values(root?.getFields() ?? {})) for (const { type } of args) types.add(type)
  }
  for (const type of Object.values(schema.getTypeMap())) if (isInputType(type)) types.add(type)

  const definition = (type: string) => ({
    kind: Kind.VARIABLE_DEFINITION as const,
    variable: { kind: Kind.VARIABLE as const, name: { kind: Kind.NAME as const, value: 'v' } },
    type: parseType(type),
  })

  const anything = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom<unknown>(
      [],
      [[]],
      {},
      '1',
      1,
      1.5,
      2 ** 31,
      Infinity,
      true,
      null,
      'LOCKED',
      '2030-01-01T00:00:00Z',
    ),
  )

  it.each([...types].map(String).flatMap((type) => [type, `[${type}]`]))(
    'of %s are coerced as by graphql-js',
    (type) => {
      const definitions = [definition(type)]
      const coerce = variableCoercion(definitions)
      fc.assert(
        fc.property(
          fc.oneof(
            anything.map((v) => ({ v })),
            fc.constant({}),
          ),
          (given) => {
            expect(coerce(given)).toEqual(getVariableValues(schema, definitions, given).coerced ?? null)
          },
        ),
        { numRuns: 200 },
      )
    },
  )

  it.each([
    '[]',
    '{"i": []}',
    '{"i": null}',
    '{"i": {"reports": [[]]}}',
    '{"i": {"reports": [{"vehicleId": 1, "messageId": "m", "occurredAt": "2030-01-01T00:00:00Z", "position": []}]}}',
    '{"i": {"reports": {"vehicleId": 1, "messageId": "m", "occurredAt": "2030-01-01T00:00:00Z", "ignition": 1}}}',
    '{"i": {"reports": [], "__proto__": {"reports": []}}}',
    '{"i": {"__proto__": {"reports": []}}}',
    '{"__proto__": {"i": {"reports": []}}}',
  ])('are refused where graphql-js refuses them: %s', (text) => {
    const coerce = variableCoercion([
      {
        ...definition('ReportVehicleStatesInput!'),
        variable: { kind: Kind.VARIABLE, name: { kind: Kind.NAME, value: 'i' } },
      },
    ])
    expect(coerce(JSON.parse(text) as Record<string, unknown>)).toBeNull()
  })
})

it('no text of a document comes into the code that is made of it', async () => {
  const code = 'globalThis.entered=true'
  const query = `query ($id: ID = "__MAGIC_DATE__33a9e76d_02e0_4128_8e92_3530ad3da74d${code}") {
    vehicle(id: "__MAGIC_DATE__33a9e76d_02e0_4128_8e92_3530ad3da74d${code}") { id }
    vehicles(filter: { ids: ["__MAGIC_DATE__33a9e76d_02e0_4128_8e92_3530ad3da74d${code}", $id] }) { nodes { id } } }`
  const told = await both({ query, variables: { id: 'x' } }, VIEWERS[0] as Viewer)
  if (told === null || told === 'refused') throw new Error('it is compiled')
  expect(globalThis).not.toHaveProperty('entered')
  expect(told[1]).toEqual(told[0])
})

it('absent values are absent, also within an argument', async () => {
  const query = `mutation ($name: String) { updateVehicle(input: { id: "V", name: $name }) { __typename } }`
  const told = await both({ query, variables: {} }, VIEWERS[0] as Viewer)
  if (told === null || told === 'refused') throw new Error('it is compiled')
  expect(told[1].calls).toEqual(told[0].calls)
  expect(JSON.stringify(told[1].calls)).not.toContain('name')
})
