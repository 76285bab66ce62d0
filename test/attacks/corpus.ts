import { getIntrospectionQuery } from 'graphql'
import type { Params } from '../support/transports.ts'

/**
 * What is sent, and what has to become of it: it is refused as a whole with BAD_USER_INPUT, or it is answered as anything
 * else is. Either way nothing of the inside shows, and it takes no time.
 */
export type Attack = {
  readonly name: string
  readonly params: Params
  readonly outcome: 'refused' | 'answered'
}

const times = (count: number, text: (n: number) => string) => Array.from({ length: count }, (_, n) => text(n)).join(' ')
const nest = (depth: number, open: string, close: string, core: string) =>
  open.repeat(depth) + core + close.repeat(depth)

const refused = (name: string, query: string, more: object = {}): Attack => ({
  name,
  params: { query, ...more },
  outcome: 'refused',
})
const answered = (name: string, query: string, variables: object): Attack => ({
  name,
  params: { query, variables },
  outcome: 'answered',
})

const bomb = (levels: number, width: number) =>
  `{ vehicle(id: "X") { ...F0 } } ${times(levels, (n) => {
    const [on, to] = n % 2 === 0 ? ['Vehicle', 'sharing'] : ['Sharing', 'vehicle']
    const below = n === levels - 1 ? '{ id }' : `{ ...F${n + 1} }`
    return `fragment F${n} on ${on} { ${times(width, () => `${to} ${below}`)} }`
  })}`

/** Damn Vulnerable GraphQL Application: denial of service, as far as it is one of documents. */
const DENIAL: readonly Attack[] = [
  refused('deep recursion', `{ vehicle(id: "X") ${nest(30, '{ sharing { vehicle ', '} }', '{ id }')} }`),
  refused(
    'circular fragments',
    '{ vehicle(id: "X") { ...A } } fragment A on Vehicle { ...B } fragment B on Vehicle { ...A }',
  ),
  refused('a fragment that spreads itself', '{ viewer { ...A } } fragment A on Viewer { roles ...A }'),
  refused('field duplication', `{ ${'__typename '.repeat(500)} }`),
  refused('field duplication below', `{ viewer { ${'roles '.repeat(900)} } }`),
  refused('alias overload', `{ ${times(101, (n) => `alias${n}: __typename`)} }`),
  refused(
    'alias overload of what is expensive',
    `{ ${times(60, (n) => `a${n}: vehicles(first: 100) { nodes { id } }`)} }`,
  ),
  refused('aliases in fragments', `{ ...A } fragment A on Query { ${times(60, (n) => `a${n}: viewer { roles }`)} }`),
  refused('directive overload', `{ __typename ${'@include(if: true) '.repeat(300)} }`),
  refused('directive overload with unknown ones', `{ __typename ${'@aa'.repeat(10)} }`),
  refused('directives on every level', `{ viewer @skip(if: false) { ${'roles @include(if: true) '.repeat(25)} } }`),
  refused('a fragment bomb of width', bomb(10, 5)),
  refused('a fragment bomb of depth', bomb(30, 2)),
  refused(
    'a flood of operations',
    times(50, (n) => `query Q${n} { viewer { roles } }`),
    { operationName: 'Q49' },
  ),
  refused('a flood of tokens', `{ viewer { roles ${'# \n'.repeat(10)} ${'... on Viewer { roles } '.repeat(300)} } }`),
  refused('a flood of mistakes', `{ ${times(200, (n) => `x${n}`)} }`),
  refused('a flood of braces', '{a'.repeat(400)),
  refused('a flood of brackets', `{ vehicles(filter: { ids: ${nest(400, '[', ']', '')} }) { nodes { id } } }`),
  refused('a flood of variables', `query (${times(250, (n) => `$v${n}: Int`)}) { __typename }`),
  refused(
    'huge pages',
    '{ vehicles(first: 2147483647) { nodes { sharings(first: 2147483647) { nodes { vehicle { sharings { nodes { id } } } } } } } }',
  ),
  refused(
    'huge pages by variables',
    'query ($n: Int) { vehicles(first: $n) { nodes { sharings(first: $n) { nodes { vehicle { sharings(first: $n) { nodes { id } } } } } } } }',
    { variables: { n: 100 } },
  ),
  refused('a page beyond the largest', '{ vehicles(first: 1000000) { nodes { id } } }'),
  refused('a negative page', '{ vehicles(first: -1) { nodes { id } } }'),
  refused('a page in both directions', '{ vehicles(first: 100, last: 100) { nodes { id } } }'),
  refused('circular introspection', `{ __schema { types ${nest(8, '{ fields { type ', '} }', '{ name }')} } }`),
]

/** Names and where they stand: what a parser or a resolver of names may stumble over. */
const TRICKS: readonly Attack[] = [
  refused('an operation that is not there', 'query A { viewer { roles } }', { operationName: 'B' }),
  refused('an operation named as what objects have', 'query A { viewer { roles } }', { operationName: '__proto__' }),
  refused('two operations of one name', 'query A { viewer { roles } } query A { viewer { roles } }', {
    operationName: 'A',
  }),
  refused('a nameless operation beside a named one', 'query A { viewer { roles } } { viewer { roles } }', {
    operationName: 'A',
  }),
  refused('a definition of types', 'type Query { secret: String } { viewer { roles } }'),
  refused('an extension of the schema', 'extend type Query { secret: String }'),
  refused('a fragment named on', 'fragment on on Query { viewer { roles } } { ...on }'),
  refused('a name of another alphabet', '{ vіewer { roles } }'),
  refused('a byte order mark inside', '{ view\uFEFF!er { roles } }'),
  refused('a control character', '{ viewer\u0000 { roles } }'),
  refused('a field that every object has', '{ constructor { name } __proto__ { x } }'),
  refused('an unused variable', 'query ($v: Int) { viewer { roles } }'),
  refused('a variable of a wrong type', 'query ($v: Int!) { vehicles(first: $v) { nodes { id } } }', {
    variables: { v: { $gt: 0 } },
  }),
  refused('a variable that is not given', 'query ($id: ID!) { vehicle(id: $id) { id } }', { variables: {} }),
  refused('a deferred fragment', '{ viewer { ... @defer { roles } } }'),
  refused('a streamed list', '{ vehicles { nodes @stream { id } } }'),
]

/** What shows how the server is made. */
const DISCLOSURE: readonly Attack[] = [
  refused('introspection', getIntrospectionQuery({ descriptions: false }).replaceAll(/\s+/g, ' ')),
  refused('introspection of one type', '{ __type(name: "Vehicle") { fields { name } } }'),
  refused(
    'introspection behind a fragment',
    '{ viewer { roles } ...S } fragment S on Query { s: __schema { types { name } } }',
  ),
  refused('introspection with a line break in it', '{ __schema\n{ types { name } } }'),
  refused('a guess at a field', '{ vehicls { nodes { id } } }'),
  refused('a guess at an argument', '{ vehicle(i: "X") { id } }'),
  refused('a guess at a type', '{ viewer { ... on View { roles } } }'),
  refused(
    'a guess at a value',
    'query ($t: [VehicleEventType!]) { vehicleEvents(filter: { types: $t }) { nodes { id } } }',
    { variables: { t: ['SHARING_START'] } },
  ),
  refused('what provokes an exception', 'qwerty cop { abc }'),
  refused(
    'what provokes an exception in a scalar',
    'query ($at: DateTime) { sharings(filter: { period: $at }) { nodes { id } } }',
    { variables: { at: '9'.repeat(400) } },
  ),
]

const HOSTILE: readonly [string, string][] = [
  ['a condition', "' OR 1=1 --"],
  ['a second statement', "'; DROP TABLE vehicle; --"],
  ['a union', "' UNION SELECT name, value FROM secret --"],
  ['a delay', "'; SELECT pg_sleep(30); --"],
  ['an escape', "\\'; SELECT 1; --"],
  ['a dollar quote', '$$; SELECT 1; $$'],
  ['a placeholder', '$1'],
  ['a pattern', '%_%'],
  ['a NUL', 'a\u0000b'],
  ['half a character', '\uD800'],
  ['a template', '{{7*7}}${7*7}<%= 7*7 %>'],
  ['a script', '<script>alert(1)</script>'],
  ['a path', '../../../../etc/passwd'],
  ['a command', '$(touch /tmp/owned); `id`'],
  ['a URL', 'http://169.254.169.254/latest/meta-data/'],
  ['a new line', 'a\r\nX-Injected: 1'],
  ['what objects have', '__proto__'],
]

/** OWASP: input validation, injection. In every place that reads: an id, a list of ids, a cursor. */
const INJECTION: readonly Attack[] = HOSTILE.flatMap(([what, text]) => [
  answered(`${what} as an id`, 'query ($v: ID!) { vehicle(id: $v) { id } }', { v: text }),
  answered(`${what} in a list`, 'query ($v: [ID!]) { vehicles(filter: { ids: $v }) { nodes { id } } }', {
    v: [text, text],
  }),
  refused(`${what} as a cursor`, 'query ($v: String) { vehicles(after: $v) { nodes { id } } }', {
    variables: { v: text },
  }),
  refused(`${what} as a place in the log`, 'query ($v: String) { vehicleEvents(after: $v) { nodes { id } } }', {
    variables: { v: text },
  }),
])

export const ATTACKS: readonly Attack[] = [...DENIAL, ...TRICKS, ...DISCLOSURE, ...INJECTION]
