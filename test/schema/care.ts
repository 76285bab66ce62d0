import {
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isSpecifiedScalarType,
  isUnionType,
} from 'graphql'
import type { GraphQLField, GraphQLNamedType, GraphQLSchema, GraphQLType } from 'graphql'

/** Anything in a schema that has a name: where it stands, and what it says of itself. */
type Named = { readonly path: string; readonly description: string | null | undefined }

/** Types, fields, arguments, input fields and enum values, each once; not what GraphQL itself brings along. */
export function* named(schema: GraphQLSchema): Generator<Named> {
  for (const type of ownTypes(schema)) {
    yield { path: type.name, description: type.description }
    for (const field of fieldsOf(type)) {
      yield { path: `${type.name}.${field.name}`, description: field.description }
      for (const { name, description } of field.args)
        yield { path: `${type.name}.${field.name}(${name}:)`, description }
    }
    if (isEnumType(type))
      for (const { name, description } of type.getValues()) yield { path: `${type.name}.${name}`, description }
  }
}

/** @returns what a reader of the schema would stumble over, such as "Vehicle.vin is not described" */
export function complaints(schema: GraphQLSchema): string[] {
  const types = ownTypes(schema)
  return [
    ...[...named(schema)].flatMap(({ path, description }) => wrongDescription(path, description)),
    ...types.flatMap(wrongNames),
    ...types.flatMap((type) => fieldsOf(type).flatMap((field) => wrongTypes(type, field))),
    ...Object.values(schema.getMutationType()?.getFields() ?? {}).flatMap((field) => wrongMutation(schema, field)),
  ]
}

const ownTypes = (schema: GraphQLSchema): GraphQLNamedType[] =>
  Object.values(schema.getTypeMap()).filter((type) => !type.name.startsWith('__') && !isSpecifiedScalarType(type))

type Field = Pick<GraphQLField<unknown, unknown>, 'name' | 'args' | 'description'> & { readonly type: GraphQLType }

function fieldsOf(type: GraphQLNamedType): Field[] {
  if (isInputObjectType(type)) return Object.values(type.getFields()).map((field) => ({ ...field, args: [] }))
  return 'getFields' in type ? Object.values(type.getFields()) : []
}

function wrongDescription(path: string, description: string | null | undefined): string[] {
  if (!description?.trim()) return [`${path} is not described`]
  return description.endsWith('.') ? [] : [`${path} is not described in sentences: ${description}`]
}

const wrongNames = (type: GraphQLNamedType): string[] => [
  ...mismatch(/^([A-Z][a-z]+)+$/, type.name),
  ...fieldsOf(type).flatMap(({ name, args }) =>
    [name, ...args.map((arg) => arg.name)].flatMap((word) => mismatch(/^[a-z]+([A-Z][a-z]*)*$/, word, `${type.name}.`)),
  ),
  ...(isEnumType(type) ? type.getValues() : []).flatMap(({ name }) =>
    mismatch(/^[A-Z]+(_[A-Z]+)*$/, name, `${type.name}.`),
  ),
]

const mismatch = (pattern: RegExp, name: string, place = ''): string[] =>
  pattern.test(name) ? [] : [`${place}${name} is not written as names of its kind are`]

/** Instants are called by what happens at them; no list has holes. */
function wrongTypes(type: GraphQLNamedType, { name, type: of }: Field): string[] {
  const isInstant = /(At|deadline|until|[sS]ince)$/.test(name)
  const found = []
  if ((getNamedType(of).name === 'DateTime') !== isInstant)
    found.push(`${type.name}.${name} is an instant in name or type alone`)
  if (hasHoles(of)) found.push(`${type.name}.${name} is a list that may hold null`)
  return found
}

function hasHoles(type: GraphQLType): boolean {
  const list = getNullableType(type)
  return isListType(list) && !isNonNullType(list.ofType)
}

/** One argument `input`, and an answer that is its success or one of the expected failures. */
function wrongMutation(schema: GraphQLSchema, { name, args, type }: Field): string[] {
  const [input, ...others] = args
  const found = []
  if (input?.name !== 'input' || others.length > 0 || !isNonNullType(input.type))
    found.push(`${name} does not take just an input`)
  else if (!getNamedType(input.type).name.endsWith('Input')) found.push(`${name} takes an input of another name`)
  const union = getNamedType(type)
  if (!isUnionType(union)) return [...found, `${name} does not answer a union`]
  const userError = schema.getType('UserError')
  const successes = union.getTypes().filter((member) => !member.getInterfaces().some((one) => one === userError))
  if (successes.length !== 1 || successes[0]?.name !== union.name.replace(/Result$/, 'Success'))
    found.push(`${name} does not answer one success, or UserErrors`)
  return found
}
