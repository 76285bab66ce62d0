import type { DocumentNode } from 'graphql'

/** Characters that take as much memory as one token of a parsed document, of which each takes 400 bytes. */
const CHARACTERS = 60

/** How much memory a document takes, in characters of text: its own, and what is parsed of it. */
export const sizeOfText = (text: string): number => text.length + 1

/** The same with what was parsed. */
export function sizeOfDocument({ loc }: DocumentNode): number {
  let tokens = 0
  for (let token = loc?.startToken ?? null; token; token = token.next) tokens++
  return (loc?.source.body.length ?? 0) + CHARACTERS * tokens
}

/** The same in tokens. */
export const inTokens = (size: number): number => Math.ceil(size / CHARACTERS)
