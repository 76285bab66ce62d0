import type { ObjectRef } from '@pothos/core'
import type { SharingConflictError } from '../../domain/access/refusal.ts'
import { ERROR_CODES, InputError, RequestError } from '../../domain/errors.ts'
import type { ErrorCode, UserError } from '../../domain/errors.ts'
import { builder } from '../base/builder.ts'
import type { SchemaTypes } from '../base/builder.ts'

export const ErrorCodeEnum = builder.enumType('ErrorCode', {
  description: 'The reason of a refusal. Programs branch on this.',
  values: Object.fromEntries(
    Object.entries(ERROR_CODES).map(([code, description]) => [code, { description, value: code as ErrorCode }]),
  ) as { [K in ErrorCode]: { description: string; value: K } },
})

export const UserErrorInterface = builder.interfaceRef<UserError>('UserError').implement({
  description: 'Every expected failure is one of these, so `... on UserError { code message }` always catches it.',
  fields: (t) => ({
    code: t.expose('code', { type: ErrorCodeEnum, description: 'The reason, for programs to branch on.' }),
    message: t.exposeString('message', { description: 'For people; it may change. Programs branch on code.' }),
  }),
})

builder.objectType(RequestError, {
  name: 'RequestError',
  description: 'An expected failure with nothing to add.',
  interfaces: [UserErrorInterface],
})

builder.objectType(InputError, {
  name: 'InputError',
  description: 'INVALID_INPUT, INVALID_PERIOD: which input field, as a path inside the input: [endsAt], [reports].',
  interfaces: [UserErrorInterface],
  fields: (t) => ({
    path: t.stringList({ description: 'The field, as a path inside the input.', resolve: ({ path }) => [...path] }),
  }),
})

type ErrorClass = typeof RequestError | typeof InputError | typeof SharingConflictError

/** The result of a mutation: its success, or one of the expected failures, which the domain throws. */
export const resultOf = <T>(verb: string, success: ObjectRef<SchemaTypes, T>, errors: readonly ErrorClass[]) =>
  builder.errorUnion(`${verb}Result`, {
    description: `${verb}Success, or the reason of its refusal.`,
    types: [success, ...errors],
    resolveType: () => `${verb}Success`,
  })
