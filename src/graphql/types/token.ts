import { InputError, RequestError } from '../../domain/errors.ts'
import type { Instant } from '../../domain/period.ts'
import { forTokens } from '../base/audience.ts'
import { builder } from '../base/builder.ts'
import { change } from '../base/context.ts'
import { resultOf } from './user-errors.ts'

const RevokeTokensInput = builder.inputType('RevokeTokensInput', {
  description: 'A choice of the tokens that were issued until now.',
  fields: (t) => ({
    fleetId: t.id({ description: "A fleet's; null for those of no fleet: gateways and admins." }),
    subject: t.string({ description: 'Only those with this `sub`; null for all.' }),
  }),
})

const RevokeTokensSuccess = builder.objectRef<{ until: Instant }>('RevokeTokensSuccess').implement({
  description: 'The tokens are refused from now on, within a second by every instance.',
  fields: (t) => ({
    until: t.expose('until', {
      type: 'DateTime',
      description:
        'Tokens that were issued later are trusted. Their time of issue is in whole seconds: a fresh one may have to wait for the next.',
    }),
  }),
})

const RevokeTokensResult = resultOf('RevokeTokens', RevokeTokensSuccess, [InputError, RequestError])

builder.mutationField('revokeTokens', (t) =>
  t.field({
    type: RevokeTokensResult,
    nullable: true,
    extensions: forTokens('ADMIN'),
    description:
      'ADMIN. Ends the trust in tokens before their time, for good. Their connections are closed: WebSockets with 4403.',
    args: { input: t.arg({ type: RevokeTokensInput, required: true, description: 'The tokens.' }) },
    resolve: async (_root, { input }, context) => {
      return {
        until: await change(context, context.prisma.revocation.revoke(input.fleetId ?? null, input.subject ?? null)),
      }
    },
  }),
)
