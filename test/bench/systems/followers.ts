import type { Server } from 'node:http'
import { WebSocketServer } from 'ws'
import type { WebSocket } from 'ws'
import { fleetOf } from './viewer.ts'
import type { Verify } from './viewer.ts'
import { toEvent } from './writes.ts'
import type { EventRow } from './writes.ts'

type Follower = { readonly socket: WebSocket; readonly id: string }
type Message = { readonly type: string; readonly id: string; readonly payload: { readonly Authorization: string } }

/** Just enough of graphql-transport-ws for one subscription per socket: each event is written as JSON once. */
export function createFollowers(server: Server, verify: Verify) {
  const followers = new Map<string, Set<Follower>>()
  new WebSocketServer({ server, handleProtocols: () => 'graphql-transport-ws' }).on('connection', (socket) => {
    let fleetId = ''
    const handle = async ({ type, id, payload }: Message) => {
      if (type === 'connection_init') {
        fleetId = fleetOf(await verify(payload.Authorization))
        socket.send('{"type":"connection_ack"}')
      } else if (type === 'subscribe') {
        const follower = { socket, id }
        const group = followers.get(fleetId) ?? new Set()
        followers.set(fleetId, group.add(follower))
        socket.on('close', () => group.delete(follower))
      }
    }
    socket.on('message', (data: Buffer) => {
      handle(JSON.parse(data.toString()) as Message).catch(() => socket.close(4401))
    })
  })
  return {
    tell: (row: EventRow) => {
      const payload = JSON.stringify({ data: { vehicleEvents: { cursor: row.position, ...asSelected(row) } } })
      for (const fleetId of [row.owner_id, row.partner_id]) {
        for (const { socket, id } of followers.get(fleetId ?? '') ?? []) {
          socket.send(`{"id":"${id}","type":"next","payload":${payload}}`)
        }
      }
    },
  }
}

/** What the documents ask of an event. */
export function asSelected(row: EventRow): object {
  const { type, vehicleId, occurredAt, recordedAt, requestId, state } = toEvent(row)
  const common = { type, vehicleId, occurredAt, recordedAt, requestId }
  return state === undefined
    ? common
    : { ...common, state: { speedKmh: state['speedKmh'], ignition: state['ignition'] } }
}
