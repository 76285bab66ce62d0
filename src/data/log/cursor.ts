import { createCipheriv, createDecipheriv } from 'node:crypto'

const HALF = 8

/** Lists with sealed positions; a cursor of one is none of the other, and equal positions do not look equal. */
const LISTS = { log: 0n, trail: 1n } as const
export type SealedList = keyof typeof LISTS

/**
 * Positions in the log and in the audit trail as clients hold them. They count what all fleets do, so a plain number would
 * tell each fleet how busy the others are; sealed as one AES block it tells nothing, sorts nothing and cannot be made up.
 * Equal positions give equal cursors, on every instance.
 */
export type Cursors = {
  readonly seal: (position: number, list?: SealedList) => string
  /** null for anything that seal() did not make. */
  readonly open: (cursor: string, list?: SealedList) => number | null
}

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
