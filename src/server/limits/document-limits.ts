import { GraphQLError, validate } from 'graphql'
import type { ASTNode, DocumentNode } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { TopLevelCode } from '../../graphql/base/errors.ts'
import { countOccurrences, extentsOf } from './document-extent.ts'

/** The longest body of a request, and the longest message on a socket. Bytes. */
export const BODY_LIMIT = 1024 * 1024

/** The limits of a document, in bytes and numbers. Documents that clients write or generate stay far below. */
export const LIMITS = {
  bytes: 50_000,
  /** The place of an error is found by counting lines, which takes time for each error. */
  lines: 2_000,
  tokens: 1_000,
  depth: 12,
  aliases: 50,
  fields: 500,
  directives: 20,
  operations: 10,
  /** The product of the pages of an operation. */
  nodes: 10_000,
  /** The objects of an operation: its pages with all that is selected of each node. */
  objects: 200_000,
  /** The errors in one response. */
  errors: 5,
} as const

/** A refusal that names the limit. Like a document that is not valid, it is 400 for clients that read the status. */
export function limitExceeded(what: string, limit: number, node?: ASTNode): GraphQLError {
  const code: TopLevelCode = 'BAD_USER_INPUT'
  return new GraphQLError(`${what}: the limit is ${limit.toLocaleString('en')}.`, {
    nodes: node ?? null,
    extensions: { code, http: { spec: true, status: 400 } },
  })
}

/**
 * Refuses a document beyond the limits before it is validated, so that everything after that works on a small one. In the
 * pipeline that all transports share.
 */
export function documentLimits(): Plugin {
  const passed = new WeakSet<DocumentNode>()
  return {
    onParse({ params: { source }, parseFn, setParseFn }) {
      const bytes = Buffer.byteLength(String(source))
      if (bytes > LIMITS.bytes) throw limitExceeded(`The document has ${bytes} bytes`, LIMITS.bytes)
      const lines = linesOf(String(source))
      if (lines > LIMITS.lines) throw limitExceeded(`The document has ${lines} lines`, LIMITS.lines)
      setParseFn((text, options) => parseFn(text, { ...options, maxTokens: LIMITS.tokens }))
      return ({ result }) => {
        if (!isDocument(result) || passed.has(result)) return
        check(result)
        passed.add(result)
      }
    },
    // graphql-js adds one error, which says that there are others.
    onValidate: ({ setValidationFn }) =>
      setValidationFn((schema, document, rules) => validate(schema, document, rules, { maxErrors: LIMITS.errors - 1 })),
  }
}

const linesOf = (text: string): number => text.split(/\r\n|[\n\r]/).length

const isDocument = (result: unknown): result is DocumentNode =>
  typeof result === 'object' && result !== null && 'kind' in result

/** @throws for the first limit that it goes beyond */
function check(document: DocumentNode): void {
  const { operations, aliases, directives } = countOccurrences(document)
  if (operations > LIMITS.operations)
    throw limitExceeded(`The document has ${operations} operations`, LIMITS.operations)
  if (aliases > LIMITS.aliases) {
    throw limitExceeded(`The document has ${aliases} aliases and repeated fields`, LIMITS.aliases)
  }
  if (directives > LIMITS.directives)
    throw limitExceeded(`The document has ${directives} directives`, LIMITS.directives)
  for (const { operation, fields, depth } of extentsOf(document)) {
    if (fields > LIMITS.fields) {
      throw limitExceeded(`With its fragments put in, the operation has ${fields} fields`, LIMITS.fields, operation)
    }
    if (depth > LIMITS.depth) throw limitExceeded(`The operation is ${depth} fields deep`, LIMITS.depth, operation)
  }
}
