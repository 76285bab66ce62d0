import { readFile } from 'node:fs/promises'
import type { Plugin } from 'graphql-yoga'
import { documentNotTrusted, persistedQueryNotSupported } from '../../graphql/base/errors.ts'
import { SettingsError } from '../../settings.ts'

/** The documents that the operator has named: no other is admitted. */
export type TrustedDocuments = {
  /** The document that a request names, or else the text that it sent, which may be one of them. */
  readonly textOf: (params: DocumentParams) => unknown
  readonly has: (text: string) => boolean
}

/** How clients name a document: as GraphQL over HTTP has it, or as Apollo's persisted queries do. */
export type DocumentParams = {
  readonly query?: unknown
  readonly documentId?: unknown
  readonly extensions?: unknown
}

/** An id may begin with the name of its hash. */
const PREFIX = /^sha(1|256):/

/**
 * Reads a manifest, `{ hash: document }`, as graphql-codegen's client preset writes it.
 * @throws SettingsError with the reason
 */
export async function readTrustedDocuments(path: string): Promise<TrustedDocuments> {
  let manifest: unknown
  try {
    manifest = JSON.parse(await readFile(path, 'utf8'))
  } catch (cause) {
    throw new SettingsError(`TRUSTED_DOCUMENTS takes a file with JSON, and ${path} is none`, { cause })
  }
  const entries = typeof manifest === 'object' && manifest !== null ? Object.entries(manifest) : []
  if (entries.length === 0 || !entries.every((entry): entry is [string, string] => typeof entry[1] === 'string')) {
    throw new SettingsError(`TRUSTED_DOCUMENTS takes a JSON object of documents by their hashes, and ${path} has none`)
  }
  const texts = new Map(entries.map(([id, text]) => [id.replace(PREFIX, ''), text]))
  const trusted = new Set(texts.values())
  return {
    has: (text) => trusted.has(text),
    textOf: (params) => {
      const id = idOf(params)
      // An unknown id stands for the empty document, which is refused where all documents are.
      return id === null ? params.query : (texts.get(id.replace(PREFIX, '')) ?? '')
    },
  }
}

const idOf = ({ documentId, extensions }: DocumentParams): string | null =>
  typeof documentId === 'string' ? documentId : hashIn(extensions)

function hashIn(extensions: unknown): string | null {
  const hash = (extensions as { persistedQuery?: { sha256Hash?: unknown } | null } | null | undefined)?.persistedQuery
  return typeof hash?.sha256Hash === 'string' ? hash.sha256Hash : null
}

/** @throws for a request that names a persisted query of Apollo's in place of its document, where nothing is persisted */
export function checkNotPersisted({ query, extensions }: DocumentParams): void {
  if (!query && hashIn(extensions) !== null) throw persistedQueryNotSupported()
}

export const nonePersisted: Plugin = { onParams: ({ params }) => checkNotPersisted(params) }

/** A document has to be a trusted one to be parsed, on all transports. */
export const onlyTrusted = (trusted: TrustedDocuments): Plugin => ({
  onParams({ request, params, setParams }) {
    const { documentId = idInUrl(request), ...others } = params as DocumentParams & typeof params
    const query = trusted.textOf({ ...others, documentId })
    setParams({ ...others, query: query as string })
  },
  onParse({ params: { source } }) {
    if (!trusted.has(String(source))) throw documentNotTrusted()
  },
})

const idInUrl = ({ method, url }: Request): string | null =>
  method === 'GET' ? new URL(url, 'http://localhost').searchParams.get('documentId') : null
