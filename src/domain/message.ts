/** Characters of a value that a message repeats, at most. */
const QUOTED_LIMIT = 100
/** Characters of a whole message, at most; this server's own sentences are far shorter. */
const MESSAGE_LIMIT = 400

/** A part between texts, lists and objects: a word, or the space after one. */
const WORD = /[^\s"{[]+|\s+/y

/**
 * A message for people that repeats at most 100 characters of each value that it quotes: texts in quotes, lists, objects and
 * words are cut. Messages of validators quote what was sent, which may be a megabyte.
 */
export function briefly(message: string): string {
  if (message.length <= QUOTED_LIMIT) return message
  let brief = ''
  for (let at = 0; at < message.length && brief.length <= MESSAGE_LIMIT;) {
    const end = endOfPart(message, at)
    brief += cut(message.slice(at, end), QUOTED_LIMIT)
    at = end
  }
  return cut(brief, MESSAGE_LIMIT)
}

const cut = (text: string, limit: number): string =>
  text.length <= limit ? text : `${text.slice(0, limit - 1).toWellFormed()}…`

/** Where the text, the list, the object or the word ends that begins at `start`. */
function endOfPart(message: string, start: number): number {
  let depth = 0
  let at = start
  do {
    const sign = message[at]
    if (sign === '"') at = endOfText(message, at)
    else if (depth === 0 && sign !== '{' && sign !== '[') at = endOfWord(message, at)
    else {
      if (sign === '{' || sign === '[') depth++
      if (sign === '}' || sign === ']') depth--
      at++
    }
  } while (depth > 0 && at < message.length)
  return at
}

/** A text stands in one quote or in three; its end may be missing. */
function endOfText(message: string, start: number): number {
  const quote = message.startsWith('"""', start) ? '"""' : '"'
  let at = start + quote.length
  while (at < message.length) {
    if (message.startsWith(quote, at)) return at + quote.length
    at += message[at] === '\\' ? 2 : 1
  }
  return message.length
}

function endOfWord(message: string, at: number): number {
  WORD.lastIndex = at
  WORD.test(message)
  return WORD.lastIndex
}
