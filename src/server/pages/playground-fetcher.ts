/** The arguments of GraphiQL's fetcher: the operation, and the headers of its tab. */
type Params = { query: string; operationName?: string | null; variables?: unknown }
type Options = { headers?: Record<string, string> }

// Types of the browser that Node's lack.
declare const location: { readonly href: string }

/**
 * Runs in the page, not here: its text is put into it, so it refers to nothing outside of itself. Subscriptions go over a
 * WebSocket of their own with the tab's token in connection_init; the page's own loader would send none.
 */
export function fetchFromPage({ query, variables, ...given }: Params, { headers = {} }: Options = {}): unknown {
  // Right after a change of tabs GraphiQL still names the operation of the tab before.
  const found = [...query.matchAll(/^\s*(query|mutation|subscription)\b\s*(\w*)/gm)]
  const named = found.find(([, , name]) => name === given.operationName)
  const [, kind] = named ?? found[0] ?? []
  const params = { query, variables, operationName: named?.[2] }
  if (kind !== 'subscription') {
    return fetch('/graphql', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json', ...headers },
      body: JSON.stringify(params),
    }).then((response) => response.json())
  }
  const results: unknown[] = []
  let finished = false
  let wake = () => {}
  const add = (result: unknown) => {
    results.push(result)
    wake()
  }
  const finish = () => {
    finished = true
    wake()
  }
  const address = new URL('/graphql', location.href)
  address.protocol = address.protocol.replace('http', 'ws')
  const socket = new WebSocket(address, 'graphql-transport-ws')
  socket.addEventListener('open', () => socket.send(JSON.stringify({ type: 'connection_init', payload: headers })))
  socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(String(data)) as { type: string; payload?: unknown }
    if (message.type === 'connection_ack') socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: params }))
    if (message.type === 'ping') socket.send(JSON.stringify({ type: 'pong' }))
    if (message.type === 'next') add(message.payload)
    if (message.type === 'error') add({ errors: message.payload })
    if (message.type === 'error' || message.type === 'complete') {
      finish()
      socket.close()
    }
  })
  socket.addEventListener('close', ({ code, reason }) => {
    if (!finished) add({ errors: [{ message: `The socket was closed: ${code} ${reason}` }] })
    finish()
  })
  // No generator: one that waits for a result would not hear of return(), which the stop button calls.
  const events = {
    [Symbol.asyncIterator]: () => events,
    next: async () => {
      while (results.length === 0 && !finished) await new Promise<void>((resolve) => (wake = resolve))
      return results.length > 0 ? { value: results.shift(), done: false } : { value: undefined, done: true }
    },
    return: async () => {
      results.length = 0
      finish()
      socket.close()
      return { value: undefined, done: true }
    },
  }
  return events
}
