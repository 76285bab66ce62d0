import { asIs } from './kinds.ts'
import type { Decode, Kind, Kinds, Row, Value } from './kinds.ts'
import { compileReader } from './reader.ts'
import type { Group, Place, PlacedPart } from './reader.ts'

/** An SQL expression and its kind; null for a place that is not selected and reads as NULL. */
export type Expression = {
  readonly sql: string
  readonly kind: Kind
  /** Whether it is never NULL. */
  readonly isRequired?: boolean
} | null

/** Expressions that are selected together, and the value that is made of theirs. */
export type Part<T> = {
  readonly expressions: readonly Expression[]
  readonly decode: Decode<T>
  /** Whether the value is null where the first expression is NULL. */
  readonly isOptional?: boolean
  /** A condition without which all of it is NULL, as with a row that an outer join has not found. */
  readonly given?: string
}

/** The value of a part is null where its first expression is NULL. */
export const optional = <T>(part: Part<T>): Part<T | null> => ({ ...part, isOptional: true })

/** The value of a part is null without a condition. */
export const givenThat = <T>(given: string, part: Part<T>): Part<T | null> => ({ ...optional(part), given })

/** The value of an expression by itself. */
const single = (expression: Expression): Part<Value> => ({ expressions: [expression], decode: asIs })

export type Selection<T> = {
  /** The select list. */
  readonly sql: string
  /** @throws for a row that was not selected by this list */
  readonly read: (row: Row) => T
}

type Parts = Readonly<Record<string, Part<unknown> | Expression>>

type ValueOf<P> =
  P extends Part<infer T> ? T : P extends { readonly kind: infer K extends Kind } ? Kinds[K] | null : null

/** Selects several parts and expressions, whose values are the properties of an object. */
export function selectParts<P extends Parts>(parts: P): Selection<{ readonly [Name in keyof P]: ValueOf<P[Name]> }> {
  const named = Object.entries(parts).map(
    ([name, part]) => [name, part && 'decode' in part ? part : single(part)] as const,
  )
  return selection(new Map(named)) as Selection<{ readonly [Name in keyof P]: ValueOf<P[Name]> }>
}

/** Selects one part. */
export const select = <T>(part: Part<T>): Selection<T> => selection(new Map([[null, part]])) as Selection<T>

const isWord = ({ kind }: Place) => kind === 'word' || kind === 'words'
const isPlain = ({ kind }: Place) => kind === 'json'
const isText = ({ kind }: Place) => kind === 'text'

const textOf = ({ sql, given, isRequired }: Place): string =>
  given !== undefined && isRequired ? `(${sql})::text` : `COALESCE((${sql})::text, '')`

/** @param parts by the names of the properties; one without a name is all there is */
function selection(parts: ReadonlyMap<string | null, Part<unknown>>): Selection<unknown> {
  let next = 0
  const all: Place[] = []
  const placed = new Map<string | null, PlacedPart>()
  for (const [name, part] of parts) {
    const places = part.expressions.map((one) => {
      if (one === null) return null
      all.push({ ...one, place: next, given: part.given })
      return next++
    })
    placed.set(name, { ...part, places })
  }
  const plain = all.filter(isPlain)
  const packed = Map.groupBy(
    all.filter((one) => !isPlain(one)),
    ({ given }) => given,
  )
  const groups = [...packed].map(([given, members], index): Group => ({
    name: `packed${index}`,
    given,
    words: members.filter(isWord),
    binary: members.filter((one) => !isWord(one) && !isText(one)),
    texts: members.filter(isText),
  }))
  const fields = [
    ...groups.map((group) => `${sqlOf(group)} AS ${group.name}`),
    ...plain.map(({ sql, place }) => `${sql} AS f${place}`),
  ]
  return { sql: fields.join(', '), read: compileReader(groups, plain, placed) }
}

function sqlOf({ given, words, binary, texts }: Group): string {
  const values = [...binary.map(({ sql }) => sql), ...texts.map(({ sql }) => `char_length(${sql})`)]
  const record = values.length === 0 ? `''` : `encode(record_send(ROW(${values.join(', ')})), 'base64')`
  // Half of what concat() takes, and of that most where the condition does not hold.
  const parts = [...words.map(textOf), record, ...(texts.length === 0 ? [] : [texts.map(textOf).join(' || ')])]
  const sql = parts.join(` || E'\\x1f' || `)
  return given === undefined ? sql : `CASE WHEN ${given} THEN ${sql} END`
}
