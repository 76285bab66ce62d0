import { GraphQLNonNull, isNonNullType, isScalarType, VariablesInAllowedPositionRule } from 'graphql'
import type { GraphQLInputType, GraphQLSchema, ValidationRule } from 'graphql'
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
