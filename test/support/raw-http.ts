import { connect } from 'node:net'

export type RawAnswer = {
  readonly status: number
  /** By their names in small letters. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

/** Sends bytes as they are, and takes what comes until the answer is complete, or the connection closed. */
export function exchange(
  url: string,
  requestLine: string,
  headers: readonly string[],
  body: Uint8Array = Buffer.alloc(0),
): Promise<RawAnswer> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  const length = body.length === 0 ? [] : [`Content-Length: ${body.length}`]
  const closing = headers.some((header) => /^connection:/i.test(header)) ? [] : ['Connection: close']
  socket.write(Buffer.from([requestLine, ...headers, ...length, ...closing, '', ''].join('\r\n'), 'latin1'))
  socket.write(body)
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    socket.on('data', (chunk) => {
      chunks.push(chunk)
      // A stream has its connection kept alive.
      if (chunk.toString('latin1').endsWith('0\r\n\r\n')) socket.destroy()
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(answerIn(Buffer.concat(chunks))))
  })
}

function answerIn(bytes: Buffer): RawAnswer {
  const end = bytes.indexOf('\r\n\r\n')
  const [line = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n')
  const named = lines.map((header) => header.split(/: *(.*)/s))
  const headers = new Map(named.map(([name = '', value = '']) => [name.toLowerCase(), value]))
  const body = bytes.subarray(end + 4)
  const whole = headers.get('transfer-encoding') === 'chunked' ? unchunked(body) : body
  return { status: Number(line.split(' ')[1]), headers, body: whole.toString() }
}

function unchunked(body: Buffer): Buffer {
  const chunks: Buffer[] = []
  for (let at = 0; ;) {
    const start = body.indexOf('\r\n', at) + 2
    const length = Number.parseInt(body.toString('latin1', at, start), 16)
    if (!(length > 0)) return Buffer.concat(chunks)
    chunks.push(body.subarray(start, start + length))
    at = start + length + 2
  }
}
