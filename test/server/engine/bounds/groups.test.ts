import { parse } from 'graphql'
import type { ExecutionArgs, OperationDefinitionNode } from 'graphql'
import { expect, it } from 'vitest'
import type { Services } from '../../../../src/graphql/base/context.ts'
import { createEventGroups } from '../../../../src/server/engine/event-groups.ts'
import type { Operation } from '../../../../src/server/engine/operations.ts'

const document = parse('subscription { vehicleEvents { id } }')
const operation = { number: 1, document, definition: document.definitions[0] as OperationDefinitionNode } as Operation
const args = { document, contextValue: { viewer: { kind: 'NOBODY' } } } as unknown as ExecutionArgs

it('a group of subscribers lives as long as it has one', () => {
  const groupOf = createEventGroups({} as Services)
  const [first, second] = [groupOf(operation, args), groupOf(operation, args)]
  expect(second.evaluate).toBe(first.evaluate)
  first.leave()
  const third = groupOf(operation, args)
  expect(third.evaluate).toBe(first.evaluate)
  second.leave()
  third.leave()
  expect(groupOf(operation, args).evaluate).not.toBe(first.evaluate)
})
