import { createCipheriv, createDecipheriv } from 'node:crypto'
import type { Cipheriv, Decipheriv } from 'node:crypto'
import type { Database } from '../client.ts'

const HALF = 8

/** The lists whose places are sealed; one's mean nothing to the other, and equal numbers do not look equal. */
const LISTS = { log: 0n, trail: 1n } as const
type List = keyof typeof LISTS

type Ciphers = { readonly seal: Cipheriv; readonly open: Decipheriv }
const known = new WeakMap<Uint8Array, Ciphers>()

/** Each block is on its own, with nothing to chain: the ciphers go from one to the next as they are. */
function ciphersOf(key: Uint8Array): Ciphers {
  let ciphers = known.get(key)
  if (!ciphers) {
    ciphers = {
      seal: createCipheriv('aes-128-ecb', key, null).setAutoPadding(false),
      open: createDecipheriv('aes-128-ecb', key, null).setAutoPadding(false),
    }
    known.set(key, ciphers)
  }
  return ciphers
}

/**
 * A place in the log as clients hold it. Positions count everybody's events, so a plain number would tell each fleet how
 * busy the others are; sealed as one AES block it tells nothing, sorts nothing and cannot be made up. Equal positions give
 * equal cursors, on every instance.
 */
export function sealCursor({ cursorKey }: Pick<Database, 'cursorKey'>, position: number, list: List = 'log'): string {
  const block = Buffer.alloc(2 * HALF)
  block.writeBigUInt64BE(LISTS[list])
  block.writeBigUInt64BE(BigInt(position), HALF)
  return ciphersOf(cursorKey).seal.update(block).toString('base64url')
}

/** @returns null for anything that sealCursor did not make */
export function openCursor(
  { cursorKey }: Pick<Database, 'cursorKey'>,
  cursor: string,
  list: List = 'log',
): number | null {
  if (!/^[\w-]{22}$/.test(cursor)) return null
  const block = ciphersOf(cursorKey).open.update(Buffer.from(cursor, 'base64url'))
  if (block.readBigUInt64BE(0) !== LISTS[list]) return null
  const position = Number(block.readBigUInt64BE(HALF))
  return Number.isSafeInteger(position) && sealCursor({ cursorKey }, position, list) === cursor ? position : null
}
