import { COMMAND_TYPES } from '../domain/command.ts'
import { builder } from './builder.ts'

export const CommandTypeEnum = builder.enumType('CommandType', {
  description: 'What a vehicle can be told to do.',
  values: COMMAND_TYPES,
})
