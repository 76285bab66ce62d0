import { execute, getOperationAST, GraphQLError, OperationTypeNode } from 'graphql'
import type { DocumentNode, ExecutionArgs, ExecutionResult, FieldNode, OperationDefinitionNode } from 'graphql'
import { isForViewer } from '../../graphql/base/audience.ts'
import type { Context } from '../../graphql/base/context.ts'
import { forbidden } from '../../graphql/base/errors.ts'
import { schema } from '../../graphql/schema.ts'
import type { Variables } from '../limits/cost-tree.ts'
import { LIMITS } from '../limits/document-limits.ts'
import { coercedVariables } from './compile/coerce-variables.ts'
import { keyOf, rootFieldsOf } from './root-fields.ts'

/**
 * Queries and mutations by graphql-js, on the ways that have no compiled operation. A mutation of which one field is not for
 * the token is refused as a whole. An operation of which nothing is executed has the status that a document has that is
 * not valid.
 */
export function executeOperation(args: ExecutionArgs): ExecutionResult | Promise<ExecutionResult> {
  const { document, operationName, variableValues, contextValue } = args
  const operation = getOperationAST(document, operationName)
  const { viewer } = contextValue as Context
  const refused = operation && refusedMutation(document, operation, variableValues ?? {}, viewer)
  if (refused) return refused
  const result = execute({ ...args, options: INTERPRETED })
  return result instanceof Promise || 'data' in result ? result : { errors: result.errors?.map(withStatus) ?? [] }
}

/** Options for graphql-js: each error of a variable quotes a value, which may be a megabyte, and no more errors are presented. */
export const INTERPRETED = { maxCoercionErrors: LIMITS.errors }

/** The result of a mutation that is refused before its first field, for the fields that the viewer's token is not for. */
function refusedMutation(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Variables,
  viewer: Context['viewer'],
): ExecutionResult | null {
  if (operation.operation !== OperationTypeNode.MUTATION) return null
  const fields = rootFieldsOf(document, operation, variables) ?? []
  const errors = fields.filter((node) => isForbidden(node, viewer)).map(forbiddenAt)
  // Errors of variables come first, as for every operation.
  return errors.length > 0 && coercedVariables(operation.variableDefinitions ?? [], variables)
    ? { data: null, errors }
    : null
}

/** Whether a field of the mutation type is not for the viewer's token. */
export function isForbidden({ name }: FieldNode, viewer: Context['viewer']): boolean {
  const field = schema.getMutationType()?.getFields()[name.value]
  return field !== undefined && !isForViewer(field, viewer)
}

function forbiddenAt(node: FieldNode): GraphQLError {
  const { message, extensions } = forbidden()
  return new GraphQLError(message, { nodes: node, path: [keyOf(node)], extensions })
}

function withStatus({ message, nodes, source, positions, originalError, extensions }: GraphQLError): GraphQLError {
  return new GraphQLError(message, {
    nodes: nodes ?? null,
    source: source ?? null,
    positions: positions ?? null,
    originalError: originalError ?? null,
    extensions: { ...extensions, http: { status: 400 } },
  })
}
