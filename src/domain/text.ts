import { InputError } from './errors.ts'

export const TEXT_LIMIT = 200

/**
 * Unicode text of at most 200 characters (code points), kept as it is.
 * @throws InputError at `path` for longer text, NUL (which PostgreSQL cannot store) or lone surrogates.
 */
export function checkText(value: string, path: readonly string[]): string {
  const name = path.join('.')
  if (value.includes('\0')) throw new InputError(path, `${name} must not contain the character NUL.`)
  if (!value.isWellFormed()) throw new InputError(path, `${name} is not well-formed Unicode: it has a lone surrogate.`)
  // A code point takes one or two units, so the first comparison spares counting what is clearly short or long.
  if (value.length > TEXT_LIMIT && (value.length > 2 * TEXT_LIMIT || Array.from(value).length > TEXT_LIMIT)) {
    throw new InputError(path, `${name} is longer than ${TEXT_LIMIT} characters.`)
  }
  return value
}
