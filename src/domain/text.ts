import { InputError } from './errors.ts'

export const TEXT_LIMIT = 200

/**
 * Checks a text that users enter: Unicode, at most TEXT_LIMIT characters (code points).
 * @returns the text, unchanged
 * @throws InputError at `path` for longer text, NUL (which PostgreSQL cannot store) or lone surrogates
 */
export function checkText(value: string, path: readonly string[]): string {
  const name = path.join('.')
  if (value.includes('\0')) throw new InputError(path, `${name} must not contain the character NUL.`)
  if (!value.isWellFormed()) throw new InputError(path, `${name} is not well-formed Unicode: it has a lone surrogate.`)
  // A code point takes one or two UTF-16 units, so that only lengths between the limit and its double need counting.
  if (value.length > TEXT_LIMIT && (value.length > 2 * TEXT_LIMIT || Array.from(value).length > TEXT_LIMIT)) {
    throw new InputError(path, `${name} is longer than ${TEXT_LIMIT} characters.`)
  }
  return value
}

/** The length of a text in characters (code points). */
export const codePointsOf = (value: string): number => Array.from(value).length
