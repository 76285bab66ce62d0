import {
  getNamedType,
  getNullableType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  isUnionType,
} from 'graphql'
import type { GraphQLArgument, GraphQLField, GraphQLInputField, GraphQLInputType, GraphQLSchema } from 'graphql'

/** Where a client can put a value: an argument of a field, or something inside of it. */
export type Place = {
  /** Such as Mutation.startSharing(input.endsAt); for lists `[]` stands for each of their values. */
  readonly name: string
  /** The field of the root. */
  readonly field: string
  readonly kind: string
  readonly type: GraphQLInputType
  /** The operation with a value there, and everything else as it should be: as a variable, or in the document. */
  readonly withVariable: (value: unknown) => { readonly query: string; readonly variables: Record<string, unknown> }
  readonly withLiteral: (value: unknown) => { readonly query: string }
}

/** What is right for an argument or an input field of this name; undefined leaves it out. */
export type Fitting = (name: string, type: GraphQLInputType, path: string) => unknown

/** Every place of a schema, also of fields below the root: each by the shortest way there. */
export function placesOf(schema: GraphQLSchema, fitting: Fitting): Place[] {
  const places: Place[] = []
  const reached = new Set<string>()
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]
  type Way = { readonly type: string; readonly kind: string; readonly field: string; readonly open: string }
  const ways: Way[] = ['query', 'mutation', 'subscription'].flatMap((kind, n) => {
    const type = roots[n]?.name
    return type === undefined ? [] : [{ type, kind, field: '', open: '' }]
  })
  for (let way = ways.shift(); way; way = ways.shift()) {
    const type = schema.getType(way.type)
    if (reached.has(way.type) || !(isObjectType(type) || isInterfaceType(type))) continue
    reached.add(way.type)
    for (const field of Object.values(type.getFields())) {
      const root = way.field || field.name
      const { kind, open } = way
      places.push(...placesIn(field, { kind, field: root, open, name: `${way.type}.${field.name}` }, fitting))
      const below = getNamedType(field.type)
      const given = field.args.filter(isRequired).map((arg) => `${arg.name}: ${literal(rightFor(arg, fitting))}`)
      const list = given.length > 0 ? `(${given.join(', ')})` : ''
      ways.push({ type: below.name, kind, field: root, open: `${open}{ ${field.name}${list} ` })
    }
  }
  return places
}

const isRequired = ({ type }: GraphQLArgument) => isNonNullType(type)

type Around = { readonly kind: string; readonly field: string; readonly open: string; readonly name: string }

function placesIn(field: GraphQLField<unknown, unknown>, around: Around, fitting: Fitting): Place[] {
  const { kind, open } = around
  const close = '}'.repeat(open.split('{').length)
  const right = Object.fromEntries(field.args.map((arg) => [arg.name, rightFor(arg, fitting)]))
  const used = field.args.filter(({ name }) => right[name] !== undefined)
  const document = (head: string, list: string) =>
    `${kind}${head} ${open}{ ${field.name}(${list})${selectionOf(field)} ${close}`

  return field.args.flatMap((arg) =>
    insideOf(arg.type, arg.name, fitting, [arg.name]).map(({ path, type, put }): Place => {
      const args = used.includes(arg) ? used : [...used, arg]
      const head = `(${args.map(({ name, type: declared }) => `$${name}: ${String(declared)}`).join(', ')})`
      const asVariable = args.map(({ name }) => `${name}: $${name}`).join(', ')
      return {
        name: `${around.name}(${path})`,
        field: around.field,
        kind,
        type,
        withVariable: (value) => ({
          query: document(head, asVariable),
          variables: { ...right, [arg.name]: put(value) },
        }),
        withLiteral: (value) => {
          const values: Record<string, unknown> = { ...right, [arg.name]: put(value) }
          return { query: document('', args.map(({ name }) => `${name}: ${literal(values[name])}`).join(', ')) }
        },
      }
    }),
  )
}

type Inside = { readonly path: string; readonly type: GraphQLInputType; readonly put: (value: unknown) => unknown }

/** The value itself, and all in it: with a way to put something there into what is right otherwise. */
function insideOf(type: GraphQLInputType, name: string, fitting: Fitting, path: readonly string[]): Inside[] {
  const nullable = getNullableType(type)
  const own: Inside = { path: path.join('.'), type, put: (value) => value }
  if (isListType(nullable)) {
    const items = insideOf(nullable.ofType, name, fitting, [...path.slice(0, -1), `${path.at(-1)}[]`])
    return [own, ...items.map((item) => ({ ...item, put: (value: unknown) => [item.put(value)] }))]
  }
  if (!isInputObjectType(nullable)) return [own]
  const right = rightFor({ name, type }, fitting, path.join('.')) as object
  const fields = Object.values(nullable.getFields()).flatMap((field) =>
    insideOf(field.type, field.name, fitting, [...path, field.name]).map((inner) => ({
      ...inner,
      put: (value: unknown) => ({ ...right, [field.name]: inner.put(value) }),
    })),
  )
  return [own, ...fields]
}

type Input = Pick<GraphQLArgument | GraphQLInputField, 'name' | 'type'>

function rightFor({ name, type }: Input, fitting: Fitting, path = name): unknown {
  const known = fitting(name, type, path)
  if (known !== undefined) return known
  const nullable = getNullableType(type)
  if (isListType(nullable)) return [rightFor({ name, type: nullable.ofType }, fitting, path)]
  if (isEnumType(nullable)) return nullable.getValues()[0]?.name
  if (!isInputObjectType(nullable)) return undefined
  const fields = Object.values(nullable.getFields()).map((field) => [
    field.name,
    rightFor(field, fitting, `${path}.${field.name}`),
  ])
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined))
}

function selectionOf(field: GraphQLField<unknown, unknown>): string {
  const type = getNamedType(field.type)
  if (!isCompositeType(type)) return ''
  return isUnionType(type) ? ' { __typename ... on UserError { code message } }' : ' { __typename }'
}

/** A JSON value as it stands in a document. What looks like a name may be one of an enum; strings are quoted all the same. */
export function literal(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null)
  return `{ ${Object.entries(value)
    .map(([name, inner]) => `${name}: ${literal(inner)}`)
    .join(', ')} }`
}
