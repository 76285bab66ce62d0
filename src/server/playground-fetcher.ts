/** What GraphiQL hands over: the operation, the headers of its tab, and the parsed document. */
type Params = { query: string; operationName?: string | null; variables?: unknown }
type Options = {
  headers?: Record<string, string>
  documentAST?: { definitions: readonly { operation?: string; name?: { value: string } }[] }
}

// Types of the browser that Node's lack.
declare const location: { readonly href: string }

/**
 * Runs in the page, not here: its text is put into it, so it refers to nothing outside of itself. Subscriptions go over a
 * WebSocket of their own with the tab's token in connection_init; the page's own loader would send none.
 */
export function fetchFromPage(params: Params, options: Options = {}): unknown {
  const { headers = {}, documentAST } = options
  const wanted = documentAST?.definitions.filter((definition) => definition.operation !== undefined) ?? []
  const operation = wanted.find(({ name }) => !params.operationName || name?.value === params.operationName)
  if (operation?.operation !== 'subscription') {
    return fetch('/graphql', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json', ...headers },
      body: JSON.stringify(params),
    }).then((response) => response.json())
  }
  const results: unknown[] = []
  let finished = false
  let wake = () => {}
  const add = (...more: unknown[]) => {
    results.push(...more)
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
    if (message.type === 'error' || message.type === 'complete') socket.close()
  })
  socket.addEventListener('close', ({ code, reason }) => {
    if (code >= 4000) add({ errors: [{ message: `The socket was closed: ${code} ${reason}` }] })
    finish()
  })
  return {
    async *[Symbol.asyncIterator]() {
      try {
        while (!finished || results.length > 0) {
          if (results.length > 0) yield results.shift()
          else await new Promise<void>((resolve) => (wake = resolve))
        }
      } finally {
        socket.close()
      }
    },
  }
}
