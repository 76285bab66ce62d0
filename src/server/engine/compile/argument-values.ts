import {
  GraphQLScalarType,
  getNullableType,
  isLeafType,
  isNonNullType,
  Kind,
  TypeInfo,
  valueFromAST,
  visit,
  visitWithTypeInfo,
} from 'graphql'
import type { DocumentNode, GraphQLArgument, GraphQLSchema, ValueNode, VariableDefinitionNode } from 'graphql'
import { schema } from '../../../graphql/schema.ts'
import type { Variables } from '../../limits/cost-tree.ts'

/** The type of a variable whose value is passed on unchanged. */
const PASSED = new GraphQLScalarType({ name: 'Passed', parseValue: (value) => value })

/** The schema with the type of the variables that stand for arguments. */
export const schemaWithPassed: GraphQLSchema = Object.create(schema, {
  getType: { value: (name: string) => (name === PASSED.name ? PASSED : schema.getType(name)) },
})

export type ArgumentsAsVariables = {
  /** The document with a variable of its own in the place of each argument's value. */
  readonly document: DocumentNode
  /**
   * The values of these variables, by the coerced variables of the original operation, as graphql-js's getArgumentValues()
   * evaluates the arguments. null if it would refuse one.
   */
  readonly evaluate: (variables: Variables) => Variables | null
}

type Slot = { readonly name: string; readonly value: (variables: Variables) => unknown }

/** Stands for an argument that graphql-js refuses. */
const REFUSED = Symbol('refused')

/**
 * Takes the values of all arguments out of a document. A compiler that turns documents into code then meets no value that
 * a client wrote: graphql-jit puts literals into its code in a way that lets some texts in them be executed, and evaluates
 * variables inside of literals otherwise than graphql-js.
 * @param document one operation and its fragments, valid, without directives
 */
export function argumentsAsVariables(document: DocumentNode): ArgumentsAsVariables {
  const slots: Slot[] = []
  const typeInfo = new TypeInfo(schema)
  const rewritten: DocumentNode = visit(
    document,
    visitWithTypeInfo(typeInfo, {
      Argument(node) {
        const definition = typeInfo.getArgument()
        if (!definition) throw new Error('an argument of a valid document is not in the schema')
        const name = `a${slots.length}`
        slots.push({ name, value: evaluation(node.value, definition) })
        return { ...node, value: variableNamed(name) }
      },
    }),
  )
  return {
    document: {
      ...rewritten,
      definitions: rewritten.definitions.map((definition) =>
        definition.kind === Kind.OPERATION_DEFINITION
          ? { ...definition, variableDefinitions: slots.map(({ name }) => definitionOf(name)) }
          : definition,
      ),
    },
    evaluate(variables) {
      const values: Record<string, unknown> = {}
      for (const { name, value } of slots) {
        const own = value(variables)
        if (own === REFUSED) return null
        // Absent, so that the argument's default holds.
        if (own !== undefined) values[name] = own
      }
      return values
    },
  }
}

function evaluation(node: ValueNode, { type, defaultValue }: GraphQLArgument): Slot['value'] {
  if (node.kind === Kind.VARIABLE) {
    const variable = node.name.value
    const isRequired = isNonNullType(type)
    return (variables) => {
      const value = Object.hasOwn(variables, variable) ? variables[variable] : undefined
      if (value === undefined) return isRequired && defaultValue === undefined ? REFUSED : undefined
      return value === null && isRequired ? REFUSED : value
    }
  }
  if (isLeafType(getNullableType(type))) {
    const value: unknown = valueFromAST(node, type)
    return () => (value === undefined ? REFUSED : value)
  }
  // A new one for each operation, as with graphql-js: it may be kept, or changed.
  return (variables) => {
    const value: unknown = valueFromAST(node, type, variables)
    return value === undefined ? REFUSED : value
  }
}

const named = (value: string) => ({ kind: Kind.NAME, value }) as const
const variableNamed = (name: string) => ({ kind: Kind.VARIABLE, name: named(name) }) as const
const definitionOf = (name: string): VariableDefinitionNode => ({
  kind: Kind.VARIABLE_DEFINITION,
  variable: variableNamed(name),
  type: { kind: Kind.NAMED_TYPE, name: named(PASSED.name) },
})
