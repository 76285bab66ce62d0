import type { TrustedDocuments } from '../engine/trusted-documents.ts'

/** A request for one operation. */
export type Params = {
  readonly query: string
  readonly operationName: string | null
  readonly variables: Readonly<Record<string, unknown>>
}

/** The parameters in a body of the usual form; null for any other body, which is left to Yoga. */
export function paramsOf(body: Buffer, trusted: TrustedDocuments | null): Params | null {
  try {
    const sent = JSON.parse(body.toString()) as Record<string, unknown>
    for (const name in sent) if (!isExpected(name, sent, trusted)) return null
    const { operationName = null, variables } = sent
    const query = trusted ? trusted.textOf(sent) : sent['query']
    if (typeof query !== 'string' || (operationName !== null && typeof operationName !== 'string')) return null
    if (variables != null && !isObject(variables)) return null
    return { query, operationName, variables: (variables ?? {}) as Params['variables'] }
  } catch {
    return null
  }
}

function isExpected(name: string, sent: Record<string, unknown>, trusted: TrustedDocuments | null): boolean {
  switch (name) {
    case 'query':
    case 'operationName':
    case 'variables':
      return true
    case 'extensions':
      return sent[name] == null || (trusted !== null && isObject(sent[name]))
    default:
      return trusted !== null && name === 'documentId'
  }
}

const isObject = (value: unknown): value is object => typeof value === 'object' && !Array.isArray(value)
