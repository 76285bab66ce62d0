import { getOperationAST, GraphQLError } from 'graphql'
import type { DocumentNode, OperationDefinitionNode } from 'graphql'
import { LRUCache } from 'lru-cache'
import type { Request } from '../../graphql/base/context.ts'
import { schema } from '../../graphql/schema.ts'
import { queryCostOf } from '../limits/query-cost.ts'
import type { QueryCost } from '../limits/query-cost.ts'
import { sizeOfDocument, sizeOfText } from './bounds/document-size.ts'
import { createOpenDocuments } from './bounds/open-documents.ts'
import type { OpenDocuments } from './bounds/open-documents.ts'
import { createPlans } from './bounds/plans.ts'
import { compile, fieldsToCompile } from './compile/compile.ts'
import type { Compiled } from './compile/compile.ts'
import type { PresentErrors } from './present-errors.ts'

/** The text of a document and the name of one of its operations. */
export type OperationName = { readonly query: string; readonly operationName: string | null }

/** An operation of a document that is valid and within the limits. */
export type Operation = {
  readonly document: DocumentNode
  readonly definition: OperationDefinitionNode
  readonly cost: QueryCost
  /** Distinguishes it from every other. */
  readonly number: number
  /** Its text and name. */
  readonly key: string
  /** The memory that its document takes, in characters of text. */
  readonly size: number
  /**
   * The operation as a function, from its second use on; null while the allowance is used up, or if it cannot be compiled.
   * @param tokenId whose allowance is used
   */
  readonly compiled: (tokenId: string) => Compiled | null
}

export type Operations = {
  /** An operation whose text came before; null for a new one, and for one that is not valid. */
  readonly findKnown: (name: OperationName, caller: Request) => Operation | null
  /** @returns the operation, or the errors of its document, as clients may see them */
  readonly prepare: (name: OperationName, caller: Request) => Operation | readonly GraphQLError[]
  /**
   * Opens a subscription, whose operation is the same for all that send it while it is open. @returns a function that is to be called
   * once, when it ends; null where the token's open subscriptions have too many different documents
   */
  readonly open: OpenDocuments<Operation>['open']
}

/** Yoga's parsing and validation with the hooks of all plugins. */
export type Parsing = {
  readonly parse: (text: string) => DocumentNode
  readonly validate: (schema: object, document: DocumentNode) => readonly GraphQLError[]
}

/** Operations in a cache, and their size: what is parsed of them takes up to 35 MB then. */
const CACHED = { max: 500, maxSize: 5_000_000 }

export type OperationsOptions = {
  readonly parsingFor: (caller: Request) => Parsing
  readonly presentErrors: PresentErrors
  /** For tests. */
  readonly now?: () => number
  readonly onCompile?: (definition: OperationDefinitionNode) => void
}

/**
 * The one place where documents are compiled, of queries, mutations and subscriptions, on all transports. A document is
 * compiled at its second use, within one allowance a second for all tokens, and one for each: documents that come once cost
 * nothing, and a client that sends ever new ones cannot occupy the event loop. Texts that come once have a cache of their own,
 * so that they evict none that come again.
 */
export function createOperations({ parsingFor, presentErrors, now, onCompile }: OperationsOptions): Operations {
  const known = new LRUCache<string, Operation | typeof INVALID>({
    ...CACHED,
    sizeCalculation: (found, key) => (found === INVALID ? sizeOfText(key) : found.size),
  })
  /** Texts that came once; the operation is null for a text that was not parsed. */
  const fresh = new LRUCache<string, { readonly operation: Operation | null }>({
    ...CACHED,
    sizeCalculation: ({ operation }, key) => operation?.size ?? sizeOfText(key),
  })
  const open = createOpenDocuments<Operation>()
  const plans = createPlans(now)
  let made = 0

  function parse(named: OperationName, caller: Request, uses: number): Operation | readonly GraphQLError[] {
    const { parse: parseText, validate } = parsingFor(caller)
    let document: DocumentNode
    try {
      document = parseText(named.query)
    } catch (error) {
      return presentErrors([error], caller)
    }
    const invalid = validate(schema, document)
    if (invalid.length > 0) return presentErrors(invalid, caller)
    const definition = getOperationAST(document, named.operationName)
    if (!definition) return presentErrors([new GraphQLError(NO_OPERATION)], caller)
    const number = made++
    return {
      document,
      definition,
      cost: queryCostOf(document, definition),
      number,
      key: keyOf(named),
      size: sizeOfDocument(document),
      compiled: compiling(number, document, definition, uses),
    }
  }

  function compiling(
    number: number,
    document: DocumentNode,
    definition: OperationDefinitionNode,
    uses: number,
  ): Operation['compiled'] {
    /** null for an operation that is left to graphql-js; undefined until its second use. */
    let fields: number | null | undefined
    return (tokenId) => {
      const kept = plans.get(number)
      if (kept) return kept
      uses++
      if (uses < 2 || fields === null) return null
      if (fields === undefined) fields = fieldsToCompile(document, definition)
      if (fields === null || !plans.mayCompile(tokenId, fields)) return null
      onCompile?.(definition)
      const plan = compile(document, definition)
      if (plan) plans.keep(number, tokenId, fields, plan)
      else fields = null
      return plan
    }
  }

  return {
    findKnown(named, caller) {
      const key = keyOf(named)
      let found = known.get(key)
      if (found === undefined) {
        const once = fresh.get(key)
        if (!once) {
          fresh.set(key, { operation: null })
          return null
        }
        const parsed = once.operation ?? parse(named, caller, 1)
        found = isOperation(parsed) ? parsed : INVALID
        known.set(key, found)
      }
      return found === INVALID ? null : found
    },
    prepare(named, caller) {
      const key = keyOf(named)
      const found = open.find(key) ?? known.get(key)
      if (found !== undefined && found !== INVALID) return found
      const once = fresh.get(key)
      const parsed = once?.operation ?? parse(named, caller, once ? 1 : 0)
      if (isOperation(parsed)) {
        if (once) known.set(key, parsed)
        else fresh.set(key, { operation: parsed })
      }
      return parsed
    },
    open: open.open,
  }
}

/** Marks a text that is not valid, so that it is not parsed again. */
const INVALID = 'invalid'

const NO_OPERATION = 'The document has no operation of that name, or several and no name.'

export const isOperation = (prepared: Operation | readonly GraphQLError[]): prepared is Operation =>
  'document' in prepared

/** A name may be anything that a client sends, so its length says where it ends. */
const keyOf = ({ query, operationName }: OperationName): string =>
  operationName === null ? `:${query}` : `${operationName.length}:${operationName}${query}`
