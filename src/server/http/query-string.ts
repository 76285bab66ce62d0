/** The text of the document in a target; null for none. */
export const queryOf = (url: string): string | null => new URL(url, 'http://host').searchParams.get('query')

/** The fault in the parameters of a request by GET, in its target; null for none. */
export function faultOfQuery(url: string): string | null {
  const start = url.indexOf('?')
  if (start === -1) return null
  const query = url.slice(start + 1)
  try {
    query.replaceAll(/(?:%[\da-f]{2})+/gi, (bytes) => decodeURIComponent(bytes))
  } catch {
    return 'The query string is not UTF-8.'
  }
  const params = new URLSearchParams(query)
  const wrong = ['variables', 'extensions'].find((name) => !isObjectOrAbsent(params.get(name)))
  return wrong === undefined ? null : `${wrong} takes a JSON object.`
}

function isObjectOrAbsent(text: string | null): boolean {
  if (text === null || text === '') return true
  try {
    const value = JSON.parse(text) as unknown
    return typeof value === 'object' && !Array.isArray(value)
  } catch {
    return false
  }
}
