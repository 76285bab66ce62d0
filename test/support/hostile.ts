import fc from 'fast-check'
import { getNullableType, isEnumType, isInputObjectType, isListType } from 'graphql'
import type { GraphQLInputType } from 'graphql'

/** JSON as it is sent, for what JSON.stringify would not write. */
const raw = (json: string) => `RAW(${json})`

/** A text with what is raw in it: JSON, or a document. */
export const withRaw = (text: string): string =>
  text.replaceAll(/"RAW\(((?:[^"\\]|\\.)*?)\)"/g, (_, json: string) => json.replaceAll('\\"', '"'))

const STRINGS = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\ud800',
  '\udfff\ud800',
  'a\u0301',
  '\u202eabc\u202c',
  '\u200b\ufeff',
  '\r\nX-Injected: 1',
  'שלום עולם',
  'ﷺ',
  '日本語',
  '😀'.repeat(200),
  'é'.repeat(201),
  'x'.repeat(200),
  'x'.repeat(201),
  'x'.repeat(100_000),
  "'; DROP TABLE vehicle; --",
  "' OR '1'='1",
  '%',
  '_',
  '\\',
  '$1',
  '${7*7}',
  '{{7*7}}',
  '<%= 7*7 %>',
  '<script>alert(1)</script>',
  '../../../../etc/passwd',
  '__proto__',
  'constructor',
  'hasOwnProperty',
  'null',
  'NaN',
  '-1',
  '{"$gt":""}',
  '00000000-0000-0000-0000-000000000000',
  'c0ffee00-0000-4000-8000-00000000000g',
]

const NUMBERS = [
  -1,
  0,
  1,
  1.5,
  -0.000_001,
  101,
  501,
  2 ** 31 - 1,
  2 ** 31,
  -(2 ** 31) - 1,
  2 ** 53 + 2,
  Number.MAX_VALUE,
  Number.MIN_VALUE,
  raw('1e999'),
  raw('-1e999'),
  raw('-0'),
  raw(`1${'0'.repeat(400)}`),
]

const INSTANTS = [
  '1970-01-01T00:00:00Z',
  '1969-12-31T23:59:59.999Z',
  '1970-01-01T00:00:00+23:59',
  '9999-12-31T23:59:59.999Z',
  '9999-12-31T23:59:59.999-23:59',
  '10000-01-01T00:00:00Z',
  '+275760-09-13T00:00:00Z',
  '-000001-01-01T00:00:00Z',
  '0000-00-00T00:00:00Z',
  '2030-02-30T00:00:00Z',
  '2030-01-01T24:00:00Z',
  '2030-01-01T00:00:60Z',
  '2030-01-01T00:00:00.1234567890123456789Z',
  '2030-01-01T00:00:00',
  '2030-01-01',
  '2030-01-01T00:00:00+99:99',
  'infinity',
  'now',
]

/** Of another type than that of the place, whichever that is. */
const STRANGE: readonly unknown[] = [
  null,
  true,
  0,
  '',
  'x',
  [],
  [[]],
  [null],
  {},
  { stranger: 1 },
  raw('{"__proto__":{"admin":true}}'),
  raw('{"constructor":{"prototype":{}}}'),
]

const LISTS = ['vehicles', 'sharings', 'sharingPartners', 'partnersOf', 'fleets', 'vehicle.sharings', 'auditTrail']
const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Cursors as they could be made by somebody who has seen one, of a list that keeps its keys in them. */
const forged = fc
  .tuple(
    fc.constantFrom(...LISTS),
    fc.oneof(fc.jsonValue(), fc.constantFrom(...STRINGS, ...NUMBERS), fc.array(fc.constantFrom(...STRINGS))),
  )
  .map(([list, key]) => encoded([list, key]))

export type Hostile = {
  /** Whatever there is, before what comes by chance. */
  readonly fixed: readonly unknown[]
  readonly random: fc.Arbitrary<unknown>
}

/** @param seen cursors and ids that are right elsewhere */
export function hostileFor(type: GraphQLInputType, seen: readonly string[], isCursor: boolean): Hostile {
  const nullable = getNullableType(type)
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme', maxLength: 300 }))
  if (isListType(nullable)) {
    const inner = hostileFor(nullable.ofType, seen, isCursor)
    const long = Array.from({ length: 1001 }, (_, n) => `x${n}`)
    return { fixed: [...STRANGE, long, inner.fixed.slice(0, 30)], random: fc.array(inner.random, { maxLength: 5 }) }
  }
  if (isInputObjectType(nullable)) return { fixed: STRANGE, random: fc.dictionary(text, fc.jsonValue()) }
  if (isEnumType(nullable)) {
    const [name = ''] = nullable.getValues().map((value) => value.name)
    return { fixed: [...STRANGE, name.toLowerCase(), `${name}\0`, ` ${name}`, '__proto__', 'toString'], random: text }
  }
  const known = seen.flatMap((value) => [value, value.slice(0, -1), `${value}A`, value.toUpperCase()])
  switch (nullable.name) {
    case 'Int':
    case 'Float':
      return {
        fixed: [...STRANGE, ...NUMBERS, '1'],
        random: fc.oneof(fc.double(), fc.integer(), fc.bigInt().map(String)),
      }
    case 'DateTime':
      return { fixed: [...STRANGE, ...INSTANTS, ...NUMBERS, ...STRINGS], random: fc.oneof(text, pastAndFuture) }
    case 'Boolean':
      return { fixed: [...STRANGE, ...NUMBERS], random: text }
    default:
      return {
        fixed: [...STRANGE, ...STRINGS, ...NUMBERS, ...(isCursor ? known : seen)],
        random: isCursor ? fc.oneof(forged, text) : text,
      }
  }
}

const pastAndFuture = fc.date({ noInvalidDate: true }).map((date) => date.toISOString())
