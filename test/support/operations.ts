import fc from 'fast-check'
import {
  getNamedType,
  getNullableType,
  isAbstractType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
} from 'graphql'
import type {
  GraphQLArgument,
  GraphQLCompositeType,
  GraphQLField,
  GraphQLInputObjectType,
  GraphQLInputType,
  GraphQLSchema,
} from 'graphql'

export type Operation = { readonly query: string; readonly variables: Readonly<Record<string, unknown>> }

/** Part of a document, and the variables that it makes use of: their types as the document declares them, and values. */
type Part = { readonly text: string; readonly uses: readonly Use[] }
type Use = { readonly type: string; readonly value: unknown; readonly fallback: string | null }

const NOTHING: Part = { text: '', uses: [] }
const joined = (parts: readonly Part[], between: string): Part => ({
  text: parts.map(({ text }) => text).join(between),
  uses: parts.flatMap(({ uses }) => uses),
})

/** Names that objects have properties of, for whatever a client names. */
const NAMES = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf']

/** Of another type than that of most places. */
const STRANGE: readonly unknown[] = [
  true,
  0,
  -1.5,
  2 ** 53 + 2,
  Number.MAX_VALUE,
  '',
  '1',
  [],
  [[]],
  [null],
  {},
  { stranger: 1 },
  JSON.parse('{"__proto__":{"admin":true}}'),
  JSON.parse('{"constructor":{"prototype":{}}}'),
]

/** Stands for a variable until all are known. */
const SLOT = '\u0001'
const ABSENT = Symbol('absent')

/**
 * Operations over the whole schema, right and wrong: fields, aliases, fragments, directives, arguments, variables and names.
 * A mutation or a subscription has one field.
 */
export function operationsOf(
  schema: GraphQLSchema,
  ids: readonly string[],
  kind: Kind = 'query',
): fc.Arbitrary<Operation> {
  const plain: Odd = { directives: false, names: false, values: false }
  return fc.oneof(
    { weight: 4, arbitrary: operationsWith(schema, ids, kind, plain) },
    { weight: 2, arbitrary: operationsWith(schema, ids, kind, { ...plain, values: true }) },
    { weight: 1, arbitrary: operationsWith(schema, ids, kind, { ...plain, directives: true }) },
    { weight: 1, arbitrary: operationsWith(schema, ids, kind, { ...plain, names: true }) },
    { weight: 1, arbitrary: operationsWith(schema, ids, kind, { directives: true, names: true, values: true }) },
  )
}

type Kind = 'query' | 'mutation' | 'subscription'
/** Oddities. Each makes most documents invalid, or leaves them to graphql-js, so that they do not come in all. */
type Odd = { readonly directives: boolean; readonly names: boolean; readonly values: boolean }

function operationsWith(schema: GraphQLSchema, ids: readonly string[], kind: Kind, odd: Odd): fc.Arbitrary<Operation> {
  const right: Readonly<Record<string, readonly unknown[]>> = {
    ID: [...ids, 'NONE', '', 7],
    String: ['', 'x', 'é', 'WyJ2ZWhpY2xlcyIsIlYxIl0'],
    Int: [0, 1, 2, 50, 100, 101, -1],
    Float: [0, 1.5, -3],
    Boolean: [true, false],
    DateTime: ['2030-01-01T00:00:00Z'],
  }
  const wrong: Readonly<Record<string, readonly unknown[]>> = {
    ID: [true, 1.5],
    String: [5, false],
    Int: [2 ** 31, 1.5, '3'],
    Float: ['1'],
    Boolean: ['true', 1],
    DateTime: ['2030-01-01', 7],
  }
  const scalarOf = (name: string) =>
    fc.constantFrom<unknown>(...(right[name] ?? [null]), ...((odd.values ? wrong[name] : undefined) ?? []))

  function valueOf(type: GraphQLInputType): fc.Arbitrary<unknown> {
    const nullable = getNullableType(type)
    const value: fc.Arbitrary<unknown> = isListType(nullable)
      ? fc.oneof(fc.array(valueOf(nullable.ofType), { maxLength: 2 }), valueOf(nullable.ofType))
      : isEnumType(nullable)
        ? fc.constantFrom<unknown>(...nullable.getValues().map(({ name }) => name), ...(odd.values ? ['NOPE', 1] : []))
        : isInputObjectType(nullable)
          ? inputOf(nullable)
          : scalarOf(getNamedType(nullable).name)
    return fc.oneof(
      { weight: 24, arbitrary: value },
      { weight: odd.values || !isNonNullType(type) ? 1 : 0, arbitrary: fc.constant(null) },
      { weight: odd.values ? 1 : 0, arbitrary: fc.constantFrom(...STRANGE) },
    )
  }

  /** Its fields or some of them, and now and then one that it does not have. */
  const inputOf = (type: GraphQLInputObjectType): fc.Arbitrary<unknown> => {
    const fields = Object.values(type.getFields()).map((field) => {
      const value: fc.Arbitrary<unknown> = valueOf(field.type)
      return isNonNullType(field.type) ? value : fc.option(value, { nil: ABSENT })
    })
    return fc.tuple(fc.nat(9), ...fields).map(([stranger, ...values]) => {
      const given = Object.keys(type.getFields()).map((name, n) => [name, values[n]] as const)
      return Object.fromEntries([
        ...given.filter(([, value]) => value !== ABSENT),
        ...(odd.values && stranger === 0 ? [['stranger', 1] as const] : []),
      ])
    })
  }

  /** A variable, at times with a default; null and absence then mean different things. */
  const variable = (type: GraphQLInputType, value: unknown): fc.Arbitrary<Part> =>
    fc.tuple(fc.nat(7), valueOf(type), fc.constantFrom(value, value, null, ABSENT)).map(([n, other, given]) => {
      const fallback = n === 0 ? literal(other, type) : null
      const declared = fallback === null ? String(type) : String(getNullableType(type))
      return {
        text: SLOT,
        uses: [{ type: declared, value: fallback === null && isNonNullType(type) ? value : given, fallback }],
      }
    })

  /** A value in the document, with variables inside of it. */
  function written(value: unknown, type: GraphQLInputType): fc.Arbitrary<Part> {
    const nullable = getNullableType(type)
    const plain = fc.constant<Part>({ text: literal(value, type), uses: [] })
    if (isListType(nullable) && Array.isArray(value)) {
      const items = value.map((item: unknown) => partOf(item, nullable.ofType))
      return fc.tuple(...items).map((parts) => around('[', joined(parts, ', '), ']'))
    }
    if (!isInputObjectType(nullable) || typeof value !== 'object' || value === null || Array.isArray(value))
      return plain
    const entries = Object.entries(value).map(([name, own]) => {
      const { type: of } = nullable.getFields()[name] ?? {}
      const part = of ? partOf(own, of) : fc.constant({ text: literal(own, nullable), uses: [] })
      return part.map(({ text, uses }) => ({ text: `${name}: ${text}`, uses }))
    })
    return fc.tuple(...entries).map((parts) => around('{', joined(parts, ', '), '}'))
  }

  const partOf = (value: unknown, type: GraphQLInputType): fc.Arbitrary<Part> =>
    fc.oneof(
      { weight: 1, arbitrary: variable(type, value) },
      { weight: 2, arbitrary: fc.constant(0).chain(() => written(value, type)) },
    )

  const argument = ({ name, type }: GraphQLArgument): fc.Arbitrary<Part | null> => {
    const given = valueOf(type)
      .chain((value) => fc.oneof(variable(type, value), written(value, type)))
      .map(({ text, uses }) => ({ text: `${name}: ${text}`, uses }))
    return isNonNullType(type) ? given : fc.oneof(given, fc.constant(null))
  }

  const condition: fc.Arbitrary<Part> = fc.oneof(
    fc.boolean().map((value) => ({ text: String(value), uses: [] })),
    fc
      .tuple(fc.constantFrom<unknown>(true, false, true, false, null, ABSENT, 'true', 0), fc.boolean())
      .map(([value, withDefault]) => {
        const fallback = withDefault ? 'true' : null
        return { text: SLOT, uses: [{ type: withDefault ? 'Boolean' : 'Boolean!', value, fallback }] }
      }),
  )
  const directive: fc.Arbitrary<Part> = fc.oneof(
    { weight: 12, arbitrary: fc.constant(NOTHING) },
    {
      weight: odd.directives ? 1 : 0,
      arbitrary: fc
        .tuple(fc.constantFrom('skip', 'include'), condition)
        .map(([name, part]) => around(` @${name}(if: `, part, ')')),
    },
  )

  const fieldOf = (field: GraphQLField<unknown, unknown>, depth: number): fc.Arbitrary<Part> => {
    const type = getNamedType(field.type)
    const below = isCompositeType(type) ? selection(type, depth - 1) : fc.constant(NOTHING)
    const args = fc.tuple(...field.args.map(argument)).map((parts) => parts.filter((part) => part !== null))
    return fc.tuple(fc.nat(30), args, directive, below).map(([n, given, when, inner]) => {
      // An alias of its own for each set of arguments, or two selections of one field would not merge.
      const own = (odd.names ? NAMES[n - 2] : undefined) ?? `${field.name}_${n}${given.length}`
      const alias = given.length > 0 || n < (odd.names ? 2 + NAMES.length : 2) ? `${own}: ` : ''
      const list = given.length > 0 ? `(${given.map(({ text }) => text).join(', ')})` : ''
      return {
        text: `${alias}${field.name}${list}${when.text}${inner.text}`,
        uses: [...given.flatMap(({ uses }) => uses), ...when.uses, ...inner.uses],
      }
    })
  }

  function selection(type: GraphQLCompositeType, depth: number): fc.Arbitrary<Part> {
    const fields = 'getFields' in type ? Object.values(type.getFields()) : []
    const open = fields.filter((field) => depth > 0 || !isCompositeType(getNamedType(field.type)))
    const own =
      open.length > 0 ? fc.uniqueArray(fc.constantFrom(...open), { minLength: 1, maxLength: 4 }) : fc.constant([])
    const chosen = own.chain((list) => fc.tuple(...list.map((field) => fieldOf(field, depth))))
    const members = isAbstractType(type) ? schema.getPossibleTypes(type) : []
    const inline =
      members.length > 0 && depth > 0
        ? fc
            .tuple(fc.constantFrom(...members), directive)
            .chain(([member, when]) =>
              selection(member, depth - 1).map((inner) =>
                joined([{ text: `... on ${member.name}`, uses: [] }, when, inner], ''),
              ),
            )
        : fc.constant(NOTHING)
    return fc
      .tuple(chosen, inline)
      .map(([parts, more]) => around(' { __typename ', joined([...parts, more], ' '), ' }'))
  }

  const roots = {
    query: schema.getQueryType(),
    mutation: schema.getMutationType(),
    subscription: schema.getSubscriptionType(),
  }
  const { [kind]: root } = roots
  if (!root) throw new Error(`the schema has no ${kind}`)
  const one = fc.constantFrom(...Object.values(root.getFields())).chain((field) => fieldOf(field, 3))
  const body = kind === 'query' ? selection(root, 4) : one.map((part) => around(' { ', part, ' }'))
  return fc.tuple(body, fc.nat(7), fc.nat(7)).map(([{ text, uses }, naming, title]) => {
    const nameOf = (n: number) => (odd.names && naming < 4 ? NAMES[n] : undefined) ?? `v${n}`
    let next = 0
    const selected = text.replaceAll(SLOT, () => `$${nameOf(next++)}`)
    const declared = uses.map(
      ({ type, fallback }, n) => `$${nameOf(n)}: ${type}${fallback === null ? '' : ` = ${fallback}`}`,
    )
    const given = uses.flatMap(({ value }, n) => (value === ABSENT ? [] : [[nameOf(n), value] as const]))
    return {
      query: `${kind} ${['Q', ...(odd.names ? NAMES : [])][title] ?? ''}${declared.length > 0 ? `(${declared.join(', ')})` : ''}${selected}`,
      variables: Object.fromEntries(given),
    }
  })
}

const around = (before: string, { text, uses }: Part, after: string): Part => ({ text: before + text + after, uses })

/** A value as it stands in a document. */
function literal(value: unknown, type: GraphQLInputType): string {
  const nullable = getNullableType(type)
  if (Array.isArray(value)) {
    const inner = isListType(nullable) ? nullable.ofType : type
    return `[${value.map((item: unknown) => literal(item, inner)).join(', ')}]`
  }
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).map(([name, own]) => {
      const field = isInputObjectType(nullable) ? nullable.getFields()[name] : undefined
      return `${name}: ${literal(own, field?.type ?? type)}`
    })
    return `{${fields.join(', ')}}`
  }
  const isName = typeof value === 'string' && /^[A-Z_]+$/.test(value)
  return isName && isEnumType(getNamedType(nullable)) ? value : JSON.stringify(value)
}
