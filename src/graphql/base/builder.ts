import SchemaBuilder from '@pothos/core'
import ErrorsPlugin from '@pothos/plugin-errors'
import type { Instant } from '../../domain/period.ts'
import type { ReportedInstant } from '../../domain/state.ts'
import type { Context } from './context.ts'

type Types = {
  Context: Context
  DefaultFieldNullability: false
  Scalars: {
    ID: { Input: string; Output: string }
    DateTime: { Input: Instant; Output: Instant }
    ReportedDateTime: { Input: ReportedInstant; Output: never }
  }
}

/** The scalar of a report's instant until the schema is made. */
export const REPORTED = 'ReportedDateTime'

export type SchemaTypes = PothosSchemaTypes.ExtendDefaultTypes<Types>

export const builder = new SchemaBuilder<Types>({
  plugins: [ErrorsPlugin],
  defaultFieldNullability: false,
  errors: { directResult: true, defaultTypes: [] },
})

builder.queryType({ description: 'Queries. They change nothing.' })
builder.mutationType({ description: 'Mutations. Each returns a union: its success, or an expected failure.' })
builder.subscriptionType({ description: 'Subscriptions, over WebSocket or server-sent events.' })
