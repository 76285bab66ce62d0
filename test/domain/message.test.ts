import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { briefly } from '../../src/domain/message.ts'

const LONG = 'x'.repeat(1_000_000)

describe('a message repeats little of', () => {
  it.each([
    ['a text', `Int cannot represent "${LONG}".`],
    ['a text with quotes in it', `not ${JSON.stringify(`${LONG}"${LONG}\\`)}, please`],
    ['a text in three quotes', `Invalid """${LONG} "${LONG}" ${LONG}""".`],
    ['a text without an end', `Unterminated "${LONG}`],
    ['a word', `Unexpected ${LONG}.`],
    ['a list', `got [${'1, '.repeat(300_000)}1]; wrong`],
    ['an object', `got { a: "${LONG}", b: { c: "}" } } at "v"; wrong`],
    ['an object without an end', `got { ${LONG} ${LONG}`],
    ['many', Array.from({ length: 10_000 }, () => `"${'x'.repeat(50)}"`).join(' and ')],
  ])('%s', (_what, message) => {
    const brief = briefly(message)
    expect(brief.length).toBeLessThanOrEqual(400)
    expect(brief).not.toContain('x'.repeat(100))
    expect(brief).toContain('…')
  })

  it('and keeps the words around it', () => {
    expect(briefly(`Variable "$v" got invalid value { a: "${LONG}" } at "v[0]"; Field "b" is missing.`)).toMatch(
      /^Variable "\$v" got invalid value \{ a: "x+… at "v\[0\]"; Field "b" is missing\.$/,
    )
  })
})

it('a short message stays, and no message is damaged', () => {
  const short = 'Variable "$v" got invalid value [1, "2"] at "v.a"; Expected type "A" to be an object.'
  expect(briefly(short)).toBe(short)
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 2_000 }), (message) => {
      const brief = briefly(message)
      expect(brief.length).toBeLessThanOrEqual(400)
      if (message.isWellFormed()) expect(brief.isWellFormed()).toBe(true)
    }),
  )
})
