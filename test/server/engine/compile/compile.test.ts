import { getOperationAST, parse, validate } from 'graphql'
import { expect, it } from 'vitest'
import { schema } from '../../../../src/graphql/schema.ts'
import { compile } from '../../../../src/server/engine/compile/compile.ts'

function isCompiled(query: string): boolean {
  const document = parse(query)
  expect(validate(schema, document)).toEqual([])
  const operation = getOperationAST(document)
  if (!operation) throw new Error('there is one operation')
  return compile(document, operation) !== null
}

const FLEETS = (count: number) => Array.from({ length: count }, (_, n) => `a${n}: fleet { id }`).join(' ')

it('compiles operations of usual size', () => {
  expect(isCompiled(`{ vehicles { nodes { id ${FLEETS(40)} } } }`)).toBe(true)
})

it.each([
  [
    'with all that its fragments put in',
    `{ vehicle(id: "1") { ...V sharing { vehicle { ...V sharing { vehicle { ...V ...V sharing { vehicle { ...V } } } } } } } }
    fragment V on Vehicle { ${FLEETS(46)} }`,
  ],
  ['for each type that an event can be', `{ vehicleEvents { nodes { vehicle { ${FLEETS(46)} } } } }`],
  ['with directives', '{ viewer { roles @include(if: true) } }'],
])('leaves to graphql-js what amounts to too much: %s', (_what, query) => {
  expect(isCompiled(query)).toBe(false)
})
