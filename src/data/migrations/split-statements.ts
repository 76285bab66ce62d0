const QUOTES = [
  // Strings with backslash escapes, and those without.
  /(?<![\w$])[eE]'(?:[^'\\]|\\.|'')*'/sy,
  /'(?:[^']|'')*'/y,
  /"(?:[^"]|"")*"/y,
  /(?<![\w$])\$((?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?)\$.*?\$\1\$/sy,
]
const OPENING = /['"]|(?<![\w$])\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y

/**
 * Statements of a script, without their semicolons. Those in parentheses, as in CREATE RULE, are part of the statement
 * around them; bodies of functions have to be quoted (BEGIN ATOMIC is not known).
 * @throws Error for a quote or a comment without an end
 */
export function splitStatements(script: string): string[] {
  const statements: string[] = []
  let begin = 0
  let isEmpty = true
  let depth = 0
  const end = (at: number) => {
    if (!isEmpty) statements.push(script.slice(begin, at).trim())
    begin = at + 1
    isEmpty = true
  }
  for (let at = 0; at < script.length;) {
    const character = script.charAt(at)
    const next = endOfHidden(script, at)
    if (next > at) {
      isEmpty &&= script.startsWith('--', at) || script.startsWith('/*', at)
      at = next
      continue
    }
    if (character === ';' && depth === 0) end(at)
    else if (/\S/.test(character)) isEmpty = false
    if (character === '(') depth++
    if (character === ')') depth--
    at++
  }
  end(script.length)
  return statements
}

/** @returns the end of the comment or the quote that begins at this place; the place itself if none does */
function endOfHidden(script: string, at: number): number {
  if (script.startsWith('/*', at)) return endOfComment(script, at)
  if (script.startsWith('--', at)) return (script + '\n').indexOf('\n', at)
  for (const pattern of QUOTES) {
    pattern.lastIndex = at
    if (pattern.test(script)) return pattern.lastIndex
  }
  OPENING.lastIndex = at
  if (OPENING.test(script)) throw unended('quote', script, at)
  return at
}

/** Comments in comments count, as in PostgreSQL. */
function endOfComment(script: string, start: number): number {
  let depth = 0
  for (let at = start; at < script.length; at++) {
    if (script.startsWith('/*', at)) depth++
    else if (script.startsWith('*/', at)) depth--
    else continue
    at++
    if (depth === 0) return at + 1
  }
  throw unended('comment', script, start)
}

const unended = (kind: string, script: string, at: number): Error =>
  new Error(`the ${kind} that begins in line ${script.slice(0, at).split('\n').length} has no end`)
