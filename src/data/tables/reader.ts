import type { Instant } from '../../domain/period.ts'
import type { Decode, Kind, Row } from './kinds.ts'

/** An expression that is selected, with the number of its value. */
export type Place = {
  readonly sql: string
  readonly kind: Kind
  readonly isRequired?: boolean
  readonly given: string | undefined
  readonly place: number
}

/** Expressions that are selected as one field: those that are always there, or have a condition in common. */
export type Group = {
  readonly name: string
  readonly given: string | undefined
  readonly words: readonly Place[]
  readonly binary: readonly Place[]
  readonly texts: readonly Place[]
}

/** The numbers of the values of which another is made; null for those that are not selected. */
export type PlacedPart = {
  readonly places: readonly (number | null)[]
  readonly decode: Decode<unknown>
  readonly isOptional?: boolean
}

/** A record has a header, and ahead of each value its type and its length. Bytes. */
const HEADER = 4
const PREFIX = 8
const BYTES_PER_VALUE = PREFIX + 8

/** Functions that the compiled readers call. */
const FUNCTIONS = { wordsOf, instantOf, endOf }

/** How a value is read whose bytes begin at `at`, and their number. */
const BINARY: { readonly [K in Kind]?: readonly [code: string, bytes: number] } = {
  float: ['view.getFloat64(at)', 8],
  integer: [`view.getInt32(at) * ${2 ** 32} + view.getUint32(at + 4)`, 8],
  instant: [`instantOf(view.getInt32(at) * ${2 ** 32} + view.getUint32(at + 4))`, 8],
  flag: ['view.getUint8(at) === 1', 1],
}

/**
 * The reader of one selection, as code without loops: each value is read into a variable, and the object is one literal of
 * them. The engine then knows the object's shape, each kind that is read and each function that is called; reading by way of an
 * array of values takes twice as long.
 */
export function compileReader(
  groups: readonly Group[],
  plain: readonly Place[],
  parts: ReadonlyMap<string | null, PlacedPart>,
): (row: Row) => unknown {
  const bytes = Buffer.alloc(HEADER + BYTES_PER_VALUE * Math.max(0, ...groups.map(sizeOf)))
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const places = [...groups.flatMap(({ words, binary, texts }) => [...words, ...binary, ...texts]), ...plain]
  const values = [...parts].map(([name, part], index) => ({ name, part, decode: `decode${index}` }))
  const [first] = values
  const result =
    first?.name === null
      ? valueCode(first.part, first.decode)
      : `({ ${values.map(({ name, part, decode }) => `${JSON.stringify(name)}: ${valueCode(part, decode)}`).join(', ')} })`
  const body = `return (row) => {
    let text, from, to, at
    let ${places.map(({ place }) => `v${place} = null`).join(', ')}
    ${groups.map(groupCode).join('\n')}
    ${plain.map(({ place }) => `v${place} = row.f${place} ?? null`).join('\n')}
    return ${result}
  }`
  const decoders = Object.fromEntries(values.map(({ decode, part }) => [decode, part.decode]))
  const scope = { bytes, view, ...FUNCTIONS, ...decoders }
  // oxlint-disable-next-line typescript/no-implied-eval -- of names in the source alone, never of input
  return new Function(...Object.keys(scope), body)(...Object.values(scope)) as (row: Row) => unknown
}

/** The number of values in the record of a group. */
const sizeOf = ({ binary, texts }: Group): number => binary.length + texts.length

/** The buffer is filled and used up within one call. */
function groupCode(group: Group): string {
  const { name, given, words, binary, texts } = group
  const record = texts.length === 0 ? 'text.slice(from)' : `text.slice(from, (to = text.indexOf('\\x1f', from)))`
  const code = [
    'from = 0',
    ...words.map(wordCode),
    ...(sizeOf(group) === 0 ? [] : [`bytes.write(${record}, 'base64')`, `at = ${HEADER}`]),
    ...binary.map(binaryCode),
    ...(texts.length === 0 ? [] : textsCode(texts)),
  ].join('\n')
  return `text = row.${name}\n${given === undefined ? code : `if (text !== null) {\n${code}\n}`}`
}

/** PostgreSQL counts characters, of which some take two places in a string. */
const textsCode = (texts: readonly Place[]): string[] => [
  'from = to + 1',
  'let length = from',
  ...texts.map(
    ({ place }) => `let n${place} = view.getInt32(at + 4) === -1 ? -1 : view.getInt32(at + 8)
  if (n${place} === -1) at += ${PREFIX}
  else { at += ${PREFIX + 4}; length += n${place} }`,
  ),
  'const isExact = text.length === length',
  ...texts.map(
    ({ place }) => `if (n${place} !== -1) {
    to = isExact ? from + n${place} : endOf(text, from, n${place})
    v${place} = text.slice(from, to)
    from = to
  }`,
  ),
]

const wordCode = ({ place, kind }: Place): string => `to = text.indexOf('\\x1f', from)
  if (to > from) v${place} = ${kind === 'words' ? 'wordsOf(text.slice(from, to))' : 'text.slice(from, to)'}
  from = to + 1`

function binaryCode({ place, kind }: Place): string {
  const [code, length] = BINARY[kind] ?? ['null', 0]
  return `if (view.getInt32(at + 4) === -1) at += ${PREFIX}
  else { at += ${PREFIX}; v${place} = ${code}; at += ${length} }`
}

function valueCode({ places, isOptional }: PlacedPart, decode: string): string {
  const [first = null] = places
  const value = `${decode}(${places.map((place) => (place === null ? 'null' : `v${place}`)).join(', ')})`
  return isOptional && first !== null ? `v${first} === null ? null : ${value}` : value
}

/** The instant from which PostgreSQL counts microseconds. */
const EPOCH = Date.UTC(2000, 0, 1)

/** The furthest instant from 1970 that JavaScript's dates reach. Milliseconds. */
const LAST = 8.64e15

/** @throws for PostgreSQL's infinity, and for a text that is no instant: compared with NaN everything would be false */
export function checkedInstant(at: number): Instant {
  if (!(Math.abs(at) <= LAST)) throw new Error('PostgreSQL sent an instant that no calendar has')
  return at
}

/** Far from that year the microseconds are more than a number holds exactly, but not the milliseconds. */
function instantOf(microseconds: number): Instant {
  return checkedInstant(EPOCH + Math.round(microseconds / 1_000))
}

/** The index behind a number of characters. */
function endOf(text: string, from: number, characters: number): number {
  let at = from
  for (let left = characters; left > 0; left--) at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1
  return at
}

/** A cache: vehicles support the same few sets of commands, and each is parsed once. Emptied when it is full. */
const known = new Map<string, readonly string[]>()
const MOST_KNOWN = 1_000

/** An array of words as PostgreSQL writes it: {A,B}. The same text gives the same array. */
function wordsOf(text: string): readonly string[] {
  const found = known.get(text)
  if (found) return found
  const words = text === '{}' ? [] : text.slice(1, -1).split(',')
  if (known.size >= MOST_KNOWN) known.clear()
  known.set(text, words)
  return words
}
