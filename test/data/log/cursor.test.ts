import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createCursors } from '../../../src/data/log/cursor.ts'

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

const key = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((cursorKey) => ({ cursorKey }))
const position = fc.oneof(fc.maxSafeNat(), fc.nat(1000), fc.constantFrom(0, 1, Number.MAX_SAFE_INTEGER))
const ONE = { cursorKey: new Uint8Array(16).fill(7) }

describe('a cursor', () => {
  it('opens to the position that was sealed, which it always gives the same name', () => {
    fc.assert(
      fc.property(key, position, (sealed, place) => {
        const cursor = createCursors(sealed.cursorKey).seal(place)
        expect(cursor).toMatch(/^[\w-]{22}$/)
        expect(createCursors(sealed.cursorKey).open(cursor)).toBe(place)
        expect(createCursors(Uint8Array.from(sealed.cursorKey)).seal(place)).toBe(cursor)
      }),
    )
  })

  it('is rejected with any one of its characters changed to any other', () => {
    const cursor = createCursors(ONE.cursorKey).seal(4711)
    const changed = Array.from(cursor).flatMap((letter, index) =>
      Array.from(LETTERS)
        .filter((other) => other !== letter)
        .map((other) => cursor.slice(0, index) + other + cursor.slice(index + 1)),
    )
    expect(changed).toHaveLength(22 * 63)
    expect(changed.filter((other) => createCursors(ONE.cursorKey).open(other) !== null)).toEqual([])
    expect(createCursors(ONE.cursorKey).open(cursor)).toBe(4711)
  })

  it('is rejected by another key', () => {
    fc.assert(
      fc.property(key, key, position, (one, other, place) => {
        fc.pre(Buffer.compare(one.cursorKey, other.cursorKey) !== 0)
        expect(createCursors(other.cursorKey).open(createCursors(one.cursorKey).seal(place))).toBeNull()
      }),
    )
  })

  const cursor = createCursors(ONE.cursorKey).seal(1)
  it.each([
    ['nothing', ''],
    ['a number', '4711'],
    ['all zeros', 'A'.repeat(22)],
    ['one character less', cursor.slice(0, -1)],
    ['one more', `${cursor}A`],
    ['padding', `${cursor}==`],
    ['a space before it', ` ${cursor}`],
    ['a line end behind it', `${cursor}\n`],
    ['letters of the other base64', `${cursor.slice(0, 20)}+/`],
    ['letters of no base64', 'é'.repeat(22)],
    ['a very long text', 'A'.repeat(1e6)],
  ])('is not %s', (_, text) => {
    expect(createCursors(ONE.cursorKey).open(text)).toBeNull()
  })

  it('cannot be made up', () => {
    const guesses = Array.from({ length: 1000 }, () => randomBytes(16).toString('base64url'))
    expect(guesses.filter((guess) => createCursors(ONE.cursorKey).open(guess) !== null)).toEqual([])
  })

  it('tells nothing of the order, and shares nothing with its neighbours', () => {
    const cursors = Array.from({ length: 1000 }, (_, place) => createCursors(ONE.cursorKey).seal(place))
    expect(new Set(cursors).size).toBe(1000)
    const ups = cursors.filter((here, index) => index > 0 && here > (cursors[index - 1] ?? '')).length
    expect(ups).toBeGreaterThan(400)
    expect(ups).toBeLessThan(600)
    // One block each: a common start would say that the upper half of the positions is the same.
    expect(new Set(cursors.map((here) => here.slice(0, 5))).size).toBeGreaterThan(990)
  })

  it('is not made for a number that is no position', () => {
    for (const wrong of [-1, 1.5, Number.NaN, Infinity])
      expect(() => createCursors(ONE.cursorKey).seal(wrong)).toThrow(RangeError)
  })
})
