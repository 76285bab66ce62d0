import {
  getVariableValues,
  isEnumType,
  isInputObjectType,
  isInputType,
  isListType,
  isNonNullType,
  isScalarType,
  typeFromAST,
} from 'graphql'
import type { GraphQLInputObjectType, GraphQLInputType, VariableDefinitionNode } from 'graphql'
import { schema } from '../../../graphql/schema.ts'
import type { Variables } from '../../limits/cost-tree.ts'

/** Variables as graphql-js coerces them; null if it refuses any. */
export const coercedVariables = (definitions: readonly VariableDefinitionNode[], given: Variables): Variables | null =>
  // Each error quotes a value, which may be a megabyte, and one is enough.
  getVariableValues(schema, definitions, given, { maxErrors: 0 }).coerced ?? null

/** Stands for a value that graphql-js has to judge. */
const UNSURE = Symbol('unsure')
type Coerce = (value: unknown) => unknown

/**
 * The variables of an operation as graphql-js's getVariableValues() coerces them, at a third of the time: values that are
 * right are coerced by functions made once for each type, and everything out of the ordinary is left to graphql-js, which
 * alone refuses. A test holds both equal.
 * @returns a function that returns null for variables that graphql-js refuses
 */
export function variableCoercion(
  definitions: readonly VariableDefinitionNode[],
): (given: Variables) => Variables | null {
  const made = new Map<GraphQLInputType, Coerce>()
  const variables = definitions.map(({ variable, type: node, defaultValue }) => {
    const type = typeFromAST(schema, node)
    const coerce = isInputType(type) ? coercerOf(type, made) : () => UNSURE
    return { name: variable.name.value, coerce, mayBeAbsent: !defaultValue && !isNonNullType(type) }
  })
  return (given) => {
    const coerced: Record<string, unknown> = {}
    for (const { name, coerce, mayBeAbsent } of variables) {
      if (Object.hasOwn(given, name)) {
        const value = coerce(given[name])
        if (value === UNSURE) return coercedVariables(definitions, given)
        coerced[name] = value
      } else if (!mayBeAbsent) return coercedVariables(definitions, given)
    }
    return coerced
  }
}

function coercerOf(type: GraphQLInputType, made: Map<GraphQLInputType, Coerce>): Coerce {
  const known = made.get(type)
  if (known) return known
  const coerce = newCoercer(type, made)
  made.set(type, coerce)
  return coerce
}

function newCoercer(type: GraphQLInputType, made: Map<GraphQLInputType, Coerce>): Coerce {
  if (isNonNullType(type)) {
    const coerce = coercerOf(type.ofType, made)
    return (value) => (value == null ? UNSURE : coerce(value))
  }
  if (isListType(type)) return listCoercer(coercerOf(type.ofType, made))
  if (isInputObjectType(type)) return objectCoercer(type, made)
  if (!isScalarType(type) && !isEnumType(type)) return () => UNSURE
  return (value) => {
    if (value == null) return null
    try {
      const parsed: unknown = type.parseValue(value)
      return parsed === undefined ? UNSURE : parsed
    } catch {
      return UNSURE
    }
  }
}

const listCoercer =
  (coerce: Coerce): Coerce =>
  (value) => {
    if (value == null) return null
    // A value that is no list counts as a list of one.
    const items: readonly unknown[] = Array.isArray(value) ? value : [value]
    const coerced: unknown[] = []
    for (const item of items) {
      const own = coerce(item)
      if (own === UNSURE) return UNSURE
      coerced.push(own)
    }
    return coerced
  }

function objectCoercer(type: GraphQLInputObjectType, made: Map<GraphQLInputType, Coerce>): Coerce {
  if (type.isOneOf) return () => UNSURE
  type Field = { name: string; coerce: Coerce; fallback: unknown; isRequired: boolean }
  let fields: Field[] | undefined
  // At the first use: a type may have itself among the types of its fields.
  const fieldsOf = () =>
    (fields ??= Object.values(type.getFields()).map((field) => ({
      name: field.name,
      coerce: coercerOf(field.type, made),
      fallback: field.defaultValue,
      isRequired: isNonNullType(field.type),
    })))
  return (value) => {
    if (value == null) return null
    if (typeof value !== 'object' || Array.isArray(value)) return UNSURE
    const coerced: Record<string, unknown> = {}
    let found = 0
    for (const { name, coerce, fallback, isRequired } of fieldsOf()) {
      const given = (value as Readonly<Record<string, unknown>>)[name]
      if (given !== undefined) {
        const own = coerce(given)
        if (own === UNSURE) return UNSURE
        coerced[name] = own
        found++
      } else if (fallback !== undefined) coerced[name] = fallback
      else if (isRequired) return UNSURE
    }
    return Object.keys(value).length === found ? coerced : UNSURE
  }
}
