import SchemaBuilder from '@pothos/core'
import ErrorsPlugin from '@pothos/plugin-errors'
import type { Instant } from '../../domain/period.ts'
import type { Context } from './context.ts'

type Types = {
  Context: Context
  DefaultFieldNullability: false
  Scalars: {
    ID: { Input: string; Output: string }
    DateTime: { Input: Instant; Output: Instant }
  }
}

export type SchemaTypes = PothosSchemaTypes.ExtendDefaultTypes<Types>

export const builder = new SchemaBuilder<Types>({
  plugins: [ErrorsPlugin],
  defaultFieldNullability: false,
  errors: { directResult: true, defaultTypes: [] },
})

builder.queryType({ description: 'What there is to read. Nothing here changes anything.' })
builder.mutationType({ description: 'What there is to do. Each answers a union: its success, or why not.' })
builder.subscriptionType({ description: 'What there is to follow, over WebSocket or server-sent events.' })
