import type { GraphQLField, GraphQLObjectType } from 'graphql'
import { AUDIENCES, isFor } from '../../domain/access/viewer.ts'
import type { Audience, Viewer } from '../../domain/access/viewer.ts'
import type { Context } from './context.ts'
import { forbidden } from './errors.ts'

/** For the `extensions` of a root field, each of which says which tokens it is for. */
export const forTokens = (audience: Audience): { readonly audience: Audience } => ({ audience })

type Field = Pick<GraphQLField<unknown, unknown>, 'name' | 'extensions'>

/** Whether a root field is for the viewer's token. */
export const isForViewer = (field: Field, viewer: Viewer): boolean => isFor(viewer, audienceOf(field))

/** The tokens that a root field is for. @throws if the field does not say it */
export function audienceOf({ name, extensions }: Field): Audience {
  const audience = AUDIENCES.find((candidate) => candidate === extensions['audience'])
  if (audience === undefined) throw new Error(`the field ${name} does not say which tokens it is for`)
  return audience
}

/** Makes every field of a root type refuse the tokens that it is not for, before its resolver runs. */
export function guardFields(root: GraphQLObjectType<unknown, Context> | null | undefined): void {
  for (const field of Object.values(root?.getFields() ?? {})) {
    const audience = audienceOf(field)
    const { resolve, subscribe } = field
    const check = ({ viewer }: Context): void => {
      if (!isFor(viewer, audience)) throw forbidden()
    }
    // A subscription is refused where it is opened; its resolver runs for each event.
    if (subscribe) {
      field.subscribe = (source, args, context, info): unknown => {
        check(context)
        return subscribe(source, args, context, info)
      }
    } else if (resolve) {
      field.resolve = (source, args, context, info): unknown => {
        check(context)
        return resolve(source, args, context, info)
      }
    }
  }
}
