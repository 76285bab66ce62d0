import type { Viewer } from '../../domain/viewer.ts'
import { CLOSE } from './connection.ts'
import type { Connection } from './connection.ts'

/** A socket, and its viewer once it was let in. */
export type Session = { readonly connection: Connection; viewer?: Viewer }

/** Ends a socket with its token. */
export const expire = (connection: Connection) => connection.close(CLOSE.expired, 'The access token has expired.')

/**
 * Whether it may be sent anything. What ends a subscription may see before the timer does that the token has ended: its
 * `complete` would tell the client not to come back.
 */
export function isLive({ connection, viewer }: Session): boolean {
  if ((viewer?.expiresAt ?? Infinity) <= Date.now()) expire(connection)
  return connection.isOpen()
}
