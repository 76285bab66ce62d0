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
type Use = { readonly type: string; readonly value: unknown; readonly fallback: boolean }

/** Stands for a variable until all are known. */
const SLOT = '\u0001'
const ABSENT = Symbol('absent')

/** Queries over the whole schema, right and wrong: fields, aliases, fragments, directives, arguments and variables. */
export function operationsOf(schema: GraphQLSchema, ids: readonly string[]): fc.Arbitrary<Operation> {
  const scalars: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
    ID: fc.constantFrom<unknown>(...ids, 'NONE', '', 7, true, 1.5),
    String: fc.constantFrom<unknown>('', 'x', 'é', 'WyJ2ZWhpY2xlcyIsIlYxIl0', 5, false),
    Int: fc.constantFrom<unknown>(0, 1, 2, 50, 100, 101, -1, 2 ** 31, 1.5, '3'),
    Float: fc.constantFrom<unknown>(0, 1.5, -3, '1'),
    Boolean: fc.constantFrom<unknown>(true, false, 'true', 1),
    DateTime: fc.constantFrom<unknown>('2030-01-01T00:00:00Z', '2030-01-01', 7),
  }

  function valueOf(type: GraphQLInputType): fc.Arbitrary<unknown> {
    const nullable = getNullableType(type)
    const value: fc.Arbitrary<unknown> = isListType(nullable)
      ? fc.oneof(fc.array(valueOf(nullable.ofType), { maxLength: 2 }), valueOf(nullable.ofType))
      : isEnumType(nullable)
        ? fc.constantFrom<unknown>(...nullable.getValues().map(({ name }) => name), 'NOPE', 1)
        : isInputObjectType(nullable)
          ? inputOf(nullable)
          : (scalars[getNamedType(nullable).name] ?? fc.constant(null))
    return fc.oneof({ weight: 12, arbitrary: value }, { weight: 1, arbitrary: fc.constant(null) })
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
        ...(stranger === 0 ? [['stranger', 1] as const] : []),
      ])
    })
  }

  const variable = (type: GraphQLInputType, value: unknown, fallback: boolean): Part => ({
    text: SLOT,
    uses: [{ type: String(type), value, fallback }],
  })

  const argument = ({ name, type }: GraphQLArgument): fc.Arbitrary<Part | null> => {
    const given = fc.tuple(valueOf(type), fc.boolean()).map(([value, fallback]) => {
      const part = variable(type, value, fallback && !isNonNullType(type))
      return { ...part, text: `${name}: ${part.text}` }
    })
    return isNonNullType(type) ? given : fc.oneof(given, fc.constant(null))
  }

  const directive: fc.Arbitrary<Part> = fc.oneof(
    { weight: 6, arbitrary: fc.constant({ text: '', uses: [] }) },
    {
      weight: 1,
      arbitrary: fc.tuple(fc.constantFrom('skip', 'include'), fc.boolean()).map(([name, value]) => ({
        text: ` @${name}(if: ${SLOT})`,
        uses: [{ type: 'Boolean!', value, fallback: false }],
      })),
    },
  )

  const fieldOf = (field: GraphQLField<unknown, unknown>, depth: number): fc.Arbitrary<Part> => {
    const type = getNamedType(field.type)
    const below = isCompositeType(type) ? selection(type, depth - 1) : fc.constant<Part>({ text: '', uses: [] })
    const args = fc.tuple(...field.args.map(argument)).map((parts) => parts.filter((part) => part !== null))
    return fc.tuple(fc.nat(9), args, directive, below).map(([n, given, when, inner]) => {
      // An alias of its own for each set of arguments, or two selections of one field would not merge.
      const alias = given.length > 0 || n < 2 ? `${field.name}_${n}${given.length}: ` : ''
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
            .constantFrom(...members)
            .chain((member) =>
              selection(member, depth - 1).map(({ text, uses }) => ({ text: `... on ${member.name}${text}`, uses })),
            )
        : fc.constant<Part>({ text: '', uses: [] })
    return fc.tuple(chosen, inline).map(([parts, more]) => ({
      text: ` { __typename ${[...parts, more].map(({ text }) => text).join(' ')} }`,
      uses: [...parts, more].flatMap(({ uses }) => uses),
    }))
  }

  const query = schema.getQueryType()
  if (!query) throw new Error('the schema has no queries')
  return fc.tuple(selection(query, 4), fc.boolean()).map(([{ text, uses }, named]) => {
    let next = 0
    const body = text.replaceAll(SLOT, () => `$v${next++}`)
    const declared = uses.map(({ type, fallback }, n) => `$v${n}: ${type}${fallback ? ' = null' : ''}`)
    const given = uses.map(({ value, fallback }) => (fallback ? ABSENT : value))
    return {
      query: `query${named ? ' Q' : ''}${declared.length > 0 ? `(${declared.join(', ')})` : ''}${body}`,
      variables: Object.fromEntries(given.flatMap((value, n) => (value === ABSENT ? [] : [[`v${n}`, value]]))),
    }
  })
}
