import { isObjectType } from 'graphql'
import type { GraphQLSchema } from 'graphql'
import { builder } from './builder.ts'
import './scalars.ts'
import './errors.ts'
import './fleet.ts'
import './vehicle.ts'
import './sharing.ts'
import './state.ts'
import './token.ts'
import './command.ts'
import './event.ts'
import './audit.ts'

export const schema = withoutIdleResolvers(builder.toSchema({ sortSchema: true }))

/**
 * A resolver that returns the property of its own name does what GraphQL does without one. Compiled operations read such a
 * property directly, without a call.
 */
function withoutIdleResolvers(made: GraphQLSchema): GraphQLSchema {
  for (const type of Object.values(made.getTypeMap())) {
    if (!isObjectType(type)) continue
    for (const field of Object.values(type.getFields())) {
      if (field.extensions['pothosExposedField'] === field.name) delete field.resolve
    }
  }
  return made
}
