import { inTokens } from './document-size.ts'

/** An operation, by its text and name, and its size. */
type Sized = { readonly key: string; readonly size: number }

/** The operations of open subscriptions: as long as one is open its operation stays, and is the same for all that send it. */
export type OpenDocuments<T extends Sized> = {
  readonly find: (key: string) => T | null
  /**
   * Opens a subscription. @returns a function that is to be called once, when it ends; null where the token's open subscriptions
   * have too many different documents
   */
  readonly open: (operation: T, tokenId: string) => (() => void) | null
}

/**
 * The most tokens that the different documents of one access token's open subscriptions may have together. Each event is
 * evaluated for each of them, which takes as long as they are large.
 */
const MOST_TOKENS = 20_000

/** Open subscriptions. */
type Users = { count: number }

/** A refusal in words. */
export const TOO_MANY = `The different documents of the open subscriptions of one access token have at most ${MOST_TOKENS.toLocaleString('en')} tokens together, 60 characters counting as one. Values that differ belong in variables.`

export function createOpenDocuments<T extends Sized>(): OpenDocuments<T> {
  const documents = new Map<string, Users & { readonly operation: T }>()
  const tokens = new Map<string, { size: number; readonly documents: Map<string, Users> }>()

  return {
    find: (key) => documents.get(key)?.operation ?? null,
    open(operation, tokenId) {
      const { key, size } = operation
      const token = tokens.get(tokenId) ?? { size: 0, documents: new Map<string, Users>() }
      const own = token.documents.get(key) ?? { count: 0 }
      if (own.count === 0 && inTokens(token.size + size) > MOST_TOKENS) return null
      const document = documents.get(key) ?? { count: 0, operation }
      if (own.count++ === 0) token.size += size
      token.documents.set(key, own)
      tokens.set(tokenId, token)
      document.count++
      documents.set(key, document)
      return () => {
        if (--document.count === 0) documents.delete(key)
        if (--own.count > 0) return
        token.documents.delete(key)
        token.size -= size
        if (token.documents.size === 0) tokens.delete(tokenId)
      }
    },
  }
}
