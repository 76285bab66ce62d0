import { isObjectType } from 'graphql'
import type { GraphQLSchema } from 'graphql'
import { guardFields } from './base/audience.ts'
import { builder, REPORTED } from './base/builder.ts'
import './base/scalars.ts'
import './base/errors.ts'
import './base/node.ts'
import './types/fleet.ts'
import './types/vehicle.ts'
import './types/sharing.ts'
import './types/state.ts'
import './types/token.ts'
import './types/command.ts'
import './types/event.ts'
import './types/audit.ts'
import './lists/commands.ts'
import './lists/vehicles.ts'

/**
 * This folder: what the API looks like, in Pothos. base/ has what all types share, types/ the types with their resolvers; both
 * decide nothing.
 */
export const schema = asDateTime(guarded(withoutIdleResolvers(builder.toSchema({ sortSchema: true }))))

function guarded(made: GraphQLSchema): GraphQLSchema {
  for (const root of [made.getQueryType(), made.getMutationType(), made.getSubscriptionType()]) guardFields(root)
  return made
}

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

/** Shows the instant of a report as the DateTime that it is: it differs in what becomes of a wrong one, and in nothing else. */
function asDateTime(made: GraphQLSchema): GraphQLSchema {
  const types = made.getTypeMap()
  const reported = types[REPORTED]
  if (reported) reported.name = 'DateTime'
  delete types[REPORTED]
  return made
}
