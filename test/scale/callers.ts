import { once } from 'node:events'
import { connect } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import { seeded } from '../../src/simulator/random.ts'

/** What a thread of callers is told: each sends its next request as soon as the last one is answered, whatever it says. */
export type Order = {
  readonly port: number
  readonly callers: number
  readonly ms: number
  readonly seed: number
  /** A manager of the vehicles, and a gateway. */
  readonly manager: string
  readonly gateway: string
  readonly vehicles: readonly string[]
}

/** Times in milliseconds. */
export type Heard = {
  /** How long each took, and when it was answered since the start. */
  readonly accepted: readonly (readonly [took: number, at: number])[]
  readonly refused: readonly number[]
  /** What was neither, and how often. */
  readonly other: ReadonlyMap<string, number>
}

const READ = 'query ($id: ID!) { vehicle(id: $id) { id name state { speedKmh { value } } sharing { id } } }'
const LIST = '{ vehicles(first: 20) { nodes { id name supportedCommands } pageInfo { endCursor } } }'
const RENAME = `mutation ($input: UpdateVehicleInput!) {
  updateVehicle(input: $input) { ... on UpdateVehicleSuccess { vehicle { id } } ... on UserError { code } } }`
const REPORT = `mutation ($input: ReportVehicleStatesInput!) {
  reportVehicleStates(input: $input) { ... on ReportVehicleStatesSuccess { recorded } ... on UserError { code } } }`

const { port, callers, ms, seed, manager, gateway, vehicles } = workerData as Order
const random = seeded(seed)
const started = performance.now()
let turn = 0

/** Of ten: six read a vehicle, two a page, one renames a vehicle, one reports its state. */
function next(): { readonly token: string; readonly body: object } {
  const id = vehicles[Math.floor(random() * vehicles.length)] ?? ''
  const kind = random()
  const messageId = `${seed} ${started} ${++turn}`
  if (kind < 0.6) return { token: manager, body: { query: READ, variables: { id } } }
  if (kind < 0.8) return { token: manager, body: { query: LIST } }
  if (kind < 0.9) return { token: manager, body: { query: RENAME, variables: { input: { id, name: messageId } } } }
  const report = {
    vehicleId: id,
    messageId,
    occurredAt: new Date().toISOString(),
    speedKmh: Math.round(random() * 100),
  }
  return { token: gateway, body: { query: REPORT, variables: { input: { reports: [report] } } } }
}

/** Bare sockets: a general client would have to be waited for more than the server. */
async function call(heard: {
  readonly accepted: [number, number][]
  readonly refused: number[]
  readonly other: Map<string, number>
}): Promise<void> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true)
  await once(socket, 'connect')
  let received = ''
  let answered: ((answer: string) => void) | null = null
  const give = (answer: string) => {
    received = ''
    answered?.(answer)
    answered = null
  }
  socket.on('error', () => {})
  socket.on('close', () => give('was cut off'))
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1')
    const head = received.indexOf('\r\n\r\n')
    const length = head === -1 ? null : /^content-length: *(\d+)/im.exec(received.slice(0, head))?.[1]
    const isWhole = length == null ? received.endsWith('0\r\n\r\n') : received.length >= head + 4 + Number(length)
    if (head !== -1 && isWhole) give(received)
  })
  while (performance.now() - started < ms && !socket.destroyed) {
    const { token, body } = next()
    const text = JSON.stringify(body)
    const sent = performance.now()
    const answer = await new Promise<string>((resolve) => {
      answered = resolve
      socket.write(
        `POST /graphql HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${token}\r\n` +
          'Accept: application/json\r\nContent-Type: application/json\r\n' +
          `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
      )
    })
    const [now, status] = [performance.now(), answer.slice(9, 12)]
    if (status === '200' && !answer.includes('"errors"') && !answer.includes('"code"'))
      heard.accepted.push([now - sent, now - started])
    else if (status === '503' && answer.includes('"SERVICE_UNAVAILABLE"')) heard.refused.push(now - sent)
    else {
      const what = answer.split('\r\n\r\n').at(-1)?.slice(0, 200) ?? ''
      heard.other.set(what, (heard.other.get(what) ?? 0) + 1)
    }
  }
  socket.destroy()
}

const heard = { accepted: [], refused: [], other: new Map<string, number>() }
await Promise.all(Array.from({ length: callers }, () => call(heard)))
parentPort?.postMessage(heard satisfies Heard, [])
