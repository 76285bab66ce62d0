import { createCursors } from '../../src/data/log/cursor.ts'
import { openAcknowledged } from '../support/raw.ts'

export type Timed = {
  /** Subscribes behind a place until `count` events have come. `firstMs` counts from the sending of `subscribe`. */
  readonly read: (
    after: string,
    filter: Readonly<Record<string, readonly string[]>>,
    count: number,
  ) => Promise<{ readonly firstMs: number; readonly seen: readonly number[] }>
  readonly close: () => void
}

const QUERY = `subscription ($after: String, $filter: VehicleEventFilter) {
  vehicleEvents(after: $after, filter: $filter) { cursor recordedAt type vehicleId } }`

type Message = {
  readonly id?: string
  readonly type: string
  readonly payload: { readonly turn?: number; readonly data: { readonly vehicleEvents: { readonly cursor: string } } }
}

/** A socket that stays open, for one subscription after the other. */
export async function openTimed(url: string, token: string, cursorKey: Uint8Array): Promise<Timed> {
  const { socket, send } = await openAcknowledged(url, token)
  let turn = 0
  return {
    read: (after, filter, count) =>
      new Promise((resolve, reject) => {
        const id = String(++turn)
        const begun = performance.now()
        const seen: number[] = []
        let firstMs = NaN
        const take = (text: Buffer) => {
          const { id: about, type, payload } = JSON.parse(text.toString()) as Message
          if (type === 'pong' && payload.turn === turn) {
            socket.off('message', take)
            resolve({ firstMs, seen })
          } else if (about === id && seen.length < count) {
            if (type !== 'next') return reject(new Error(`unexpected: ${text.toString()}`))
            if (seen.length === 0) firstMs = performance.now() - begun
            seen.push(createCursors(cursorKey).openEvent(payload.data.vehicleEvents.cursor)?.position ?? NaN)
            if (seen.length < count) return
            send({ id, type: 'complete' })
            // What was on its way comes before the answer to this; only then is the server at rest.
            send({ type: 'ping', payload: { turn } })
          }
        }
        socket.on('message', take)
        send({ id, type: 'subscribe', payload: { query: QUERY, variables: { after, filter } } })
      }),
    close: () => socket.close(),
  }
}
