import {
  GraphQLNonNull,
  isInputObjectType,
  isNonNullType,
  isScalarType,
  getNamedType,
  typeFromAST,
  VariablesInAllowedPositionRule,
} from 'graphql'
import type { GraphQLInputType, GraphQLSchema, OperationDefinitionNode, ValidationRule } from 'graphql'
import type { Plugin } from 'graphql-yoga'

/**
 * The instant of a report is DateTime by its name, and another scalar than the rest: a wrong one costs its report only.
 * graphql-js compares types by identity, so that this rule puts the DateTime of all others in its place: variables of type
 * DateTime fit there, too, and are read as such.
 */
const VariablesByName: ValidationRule = (context) => {
  const schema = context.getSchema()
  const usages: typeof context.getRecursiveVariableUsages = (operation) =>
    context.getRecursiveVariableUsages(operation).map((usage) => ({ ...usage, type: declared(schema, usage.type) }))
  return VariablesInAllowedPositionRule(Object.create(context, { getRecursiveVariableUsages: { value: usages } }))
}

function declared(schema: GraphQLSchema, type: GraphQLInputType | null | undefined): GraphQLInputType | undefined {
  if (!type) return undefined
  if (isNonNullType(type)) {
    const inner = declared(schema, type.ofType)
    return inner && inner !== type.ofType && !isNonNullType(inner) ? new GraphQLNonNull(inner) : type
  }
  const known = isScalarType(type) ? schema.getType(type.name) : type
  return isScalarType(known) ? known : type
}

export const variablesByName: Plugin = {
  onValidate: ({ validateFn, setValidationFn }) =>
    setValidationFn((schema, document, rules, ...others) => {
      const own = rules?.map((rule: ValidationRule) =>
        rule === VariablesInAllowedPositionRule ? VariablesByName : rule,
      )
      return validateFn(schema, document, own, ...others)
    }),
}

/** Whether variables lead to two scalars of one name: compiled code knows them by their names, and would mix them up. */
export function mixesScalars(schema: GraphQLSchema, { variableDefinitions = [] }: OperationDefinitionNode): boolean {
  const found = new Map<string, GraphQLInputType>()
  const seen = new Set<GraphQLInputType>()
  const mixes = (type: GraphQLInputType): boolean => {
    if (seen.has(type)) return false
    seen.add(type)
    if (isInputObjectType(type)) {
      return Object.values(type.getFields()).some((field) => mixes(getNamedType(field.type)))
    }
    if (!isScalarType(type)) return false
    const known = found.get(type.name) ?? type
    found.set(type.name, type)
    return known !== type
  }
  return variableDefinitions.some((definition) => {
    const type = getNamedType(typeFromAST(schema, definition.type))
    return type !== undefined && (isInputObjectType(type) || isScalarType(type)) && mixes(type)
  })
}
