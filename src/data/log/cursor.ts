import { createCipheriv, createDecipheriv } from 'node:crypto'
import type { Cursors, SealedList } from '../services.ts'

const HALF = 8

/** Lists with sealed positions; a cursor of one is none of the other, and equal positions do not look equal. */
const LISTS: { readonly [Name in SealedList]: bigint } = { log: 0n, trail: 1n }

/** @param key 16 bytes */
export function createCursors(key: Uint8Array): Cursors {
  // Each block is by itself, with nothing to chain: one cipher serves all.
  const sealing = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false)
  const opening = createDecipheriv('aes-128-ecb', key, null).setAutoPadding(false)
  const seal = (position: number, list: SealedList = 'log'): string => {
    const block = Buffer.alloc(2 * HALF)
    block.writeBigUInt64BE(LISTS[list])
    block.writeBigUInt64BE(BigInt(position), HALF)
    return sealing.update(block).toString('base64url')
  }
  return {
    seal,
    open: (cursor, list = 'log') => {
      if (!/^[\w-]{22}$/.test(cursor)) return null
      const block = opening.update(Buffer.from(cursor, 'base64url'))
      if (block.readBigUInt64BE(0) !== LISTS[list]) return null
      const position = Number(block.readBigUInt64BE(HALF))
      return Number.isSafeInteger(position) && seal(position, list) === cursor ? position : null
    },
  }
}
