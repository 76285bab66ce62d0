import { GraphQLError, validate } from 'graphql'
import type { ASTNode, DocumentNode } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { TopLevelCode } from '../../graphql/base/errors.ts'
import { countOccurrences, expand } from './document-extent.ts'

/** Of a request's body, and of a message on a socket. Bytes. */
export const BODY_LIMIT = 1024 * 1024

/** What a document may amount to. None of it is met by what clients write or generate; bytes, and numbers of things. */
export const LIMITS = {
  bytes: 50_000,
  /** Where an error stands is found by counting them, which takes time for each error. */
  lines: 2_000,
  tokens: 1_000,
  depth: 12,
  aliases: 50,
  fields: 500,
  directives: 20,
  operations: 10,
  /** What the pages of an operation can multiply to. */
  nodes: 10_000,
  /** What they can amount to with all that is asked of each. */
  objects: 200_000,
  /** In one answer. */
  errors: 5,
} as const

/** A refusal that names the limit. Like a document that is not valid, it is 400 for clients that read the status. */
export function beyond(what: string, limit: number, node?: ASTNode): GraphQLError {
  const code: TopLevelCode = 'BAD_USER_INPUT'
  return new GraphQLError(`${what}: the limit is ${limit.toLocaleString('en')}.`, {
    nodes: node ?? null,
    extensions: { code, http: { spec: true, status: 400 } },
  })
}

/**
 * Refuses a document that is too much before it is validated, so that whatever looks at it later has little to look at. In
 * the pipeline that all transports share.
 */
export function documentLimits(): Plugin {
  const passed = new WeakSet<DocumentNode>()
  return {
    onParse({ params: { source }, parseFn, setParseFn }) {
      const bytes = Buffer.byteLength(String(source))
      if (bytes > LIMITS.bytes) throw beyond(`The document has ${bytes} bytes`, LIMITS.bytes)
      const lines = linesOf(String(source))
      if (lines > LIMITS.lines) throw beyond(`The document has ${lines} lines`, LIMITS.lines)
      setParseFn((text, options) => parseFn(text, { ...options, maxTokens: LIMITS.tokens }))
      return ({ result }) => {
        if (!isDocument(result) || passed.has(result)) return
        check(result)
        passed.add(result)
      }
    },
    // With the one that says that there would be more.
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
  if (operations > LIMITS.operations) throw beyond(`The document has ${operations} operations`, LIMITS.operations)
  if (aliases > LIMITS.aliases) {
    throw beyond(`The document has ${aliases} aliases and repeated fields`, LIMITS.aliases)
  }
  if (directives > LIMITS.directives) throw beyond(`The document has ${directives} directives`, LIMITS.directives)
  for (const { operation, fields, depth } of expand(document)) {
    if (fields > LIMITS.fields) {
      throw beyond(`With its fragments put in, the operation has ${fields} fields`, LIMITS.fields, operation)
    }
    if (depth > LIMITS.depth) throw beyond(`The operation is ${depth} fields deep`, LIMITS.depth, operation)
  }
}
