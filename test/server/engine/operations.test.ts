import { parse, validate } from 'graphql'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import type { Viewer } from '../../../src/domain/access/viewer.ts'
import { schema } from '../../../src/graphql/schema.ts'
import { createOperations, isOperation } from '../../../src/server/engine/operations.ts'
import type { Operation } from '../../../src/server/engine/operations.ts'
import { createPresentErrors } from '../../../src/server/engine/present-errors.ts'

const caller = { viewer: {} as Viewer, requestId: 'a request', transport: 'http' } as const
const TOKEN = 'a token'
const QUERY = '{ viewer { roles } }'

/** Operations whose clock the test moves, and the kinds of those that were compiled, in order. */
function withClock() {
  let clock = 0
  let parsed = 0
  const compiled: string[] = []
  const operations = createOperations({
    parsingFor: () => ({
      parse: (text) => {
        parsed++
        return parse(text)
      },
      validate: (_schema, document) => validate(schema, document),
    }),
    presentErrors: createPresentErrors(pino({ level: 'silent' }), false),
    now: () => clock,
    onCompile: ({ operation }) => compiled.push(operation),
  })
  const prepare = (query: string): Operation => {
    const operation = operations.prepare({ query, operationName: null }, caller)
    if (!isOperation(operation)) throw new Error('it is valid')
    return operation
  }
  return {
    compiled,
    prepare,
    known: (query: string) => operations.findKnown({ query, operationName: null }, caller),
    parsings: () => parsed,
    pass: (ms: number) => (clock += ms),
  }
}

const subscription = (n: number) => `subscription { vehicleEvents { id a${n}: cursor } }`

describe('a document', () => {
  it('is compiled at its second use, and once', () => {
    const { compiled, prepare, known } = withClock()
    const followed = prepare(subscription(0))
    expect(followed.compiled(TOKEN)).toBeNull()
    const compiledOnce = followed.compiled(TOKEN)
    expect(compiledOnce).toMatchObject({ execute: expect.any(Function) })
    expect(prepare(subscription(0)).compiled(TOKEN)).toBe(compiledOnce)
    expect(known(QUERY)).toBeNull()
    expect(known(QUERY)?.compiled(TOKEN)).toMatchObject({ execute: expect.any(Function) })
    known(QUERY)?.compiled(TOKEN)
    expect(compiled).toEqual(['subscription', 'query'])
  })

  it('is one for all clients that send it, so that their events are evaluated once', () => {
    const { prepare } = withClock()
    const first = prepare(subscription(0))
    for (let time = 0; time < 3; time++) expect(prepare(subscription(0))).toBe(first)
  })

  it('that is not valid is parsed twice, and not again unless its errors are needed', () => {
    const { known, parsings } = withClock()
    for (let time = 0; time < 5; time++) expect(known('{ nothing }')).toBeNull()
    expect(parsings()).toBe(1)
  })

  it('is another under another name', () => {
    const { prepare } = withClock()
    const operations = [prepare(QUERY), prepare(`query A ${QUERY}`), prepare(`# same\n${QUERY}`)]
    expect(new Set(operations.map(({ number }) => number)).size).toBe(3)
  })
})

describe('a flood of different documents, of subscriptions as of queries', () => {
  it.each([
    ['subscriptions', subscription],
    ['queries', (n: number) => `{ viewer { a${n}: roles } }`],
  ])('of %s, each used twice, is compiled at 10 a second after the first 100', (_what, text) => {
    const { compiled, prepare, pass } = withClock()
    for (let n = 0; n < 1_000; n++) {
      const operation = prepare(text(n))
      operation.compiled(TOKEN)
      operation.compiled(TOKEN)
    }
    expect(compiled).toHaveLength(100)
    for (let second = 0; second < 5; second++) {
      pass(1_000)
      for (let n = 0; n < 30; n++) {
        const operation = prepare(text(10_000 + second * 30 + n))
        operation.compiled(TOKEN)
        operation.compiled(TOKEN)
      }
    }
    expect(compiled).toHaveLength(150)
  })

  it('shares one allowance with queries, and each gets its turn', () => {
    const { compiled, prepare, known, pass } = withClock()
    for (let n = 0; n < 200; n++) {
      const operation = prepare(subscription(n))
      operation.compiled(TOKEN)
      operation.compiled(TOKEN)
    }
    known(QUERY)
    // Not compiled, and so answered by Yoga.
    expect(known(QUERY)?.compiled(TOKEN)).toBeNull()
    pass(100)
    expect(known(QUERY)?.compiled(TOKEN)).toMatchObject({ execute: expect.any(Function) })
    expect(compiled.at(-1)).toBe('query')
  })

  it('evicts none that came again, and is not compiled if it comes once', () => {
    const { compiled, prepare, parsings } = withClock()
    const used = prepare(QUERY)
    prepare(QUERY)
    for (let n = 0; n < 2_000; n++) prepare(subscription(n)).compiled(TOKEN)
    expect(compiled).toEqual([])
    const before = parsings()
    expect(prepare(QUERY)).toBe(used)
    expect(parsings()).toBe(before)
  })

  it('is cached up to a number, and up to a total of bytes', () => {
    const long = (n: number) => `${'#'.repeat(40_000)}\n{ viewer { a${n}: roles } }`
    const { prepare } = withClock()
    const first = prepare(long(0))
    prepare(long(0))
    // 5 MB are 125 of them.
    for (let n = 1; n < 130; n++) for (let time = 0; time < 2; time++) prepare(long(n))
    expect(prepare(long(0))).not.toBe(first)
  })
})
