import { createCipheriv, createDecipheriv } from 'node:crypto'
import type { Cursors, SealedList } from '../services.ts'

const HALF = 8

/** Lists with sealed positions; a cursor of one is none of the other, and equal positions do not look equal. */
const LISTS: { readonly [Name in SealedList]: bigint } = { log: 0n, trail: 1n }

/** The first bytes of a block with an event's tag. No list has this number, so a block without a tag never begins so. */
const TAGGED = 2
/** Offsets within such a block. Bytes. */
const TAGGED_AT = { position: 4, tag: 10, epoch: 14 } as const
const POSITION_BYTES = 6

/** @param key 16 bytes */
export function createCursors(key: Uint8Array): Cursors {
  // Each block is enciphered by itself, without chaining: one cipher serves all.
  const sealing = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false)
  const opening = createDecipheriv('aes-128-ecb', key, null).setAutoPadding(false)
  const sealBlock = (block: Buffer): string => sealing.update(block).toString('base64url')
  const openBlock = (cursor: string): Buffer | null =>
    /^[\w-]{22}$/.test(cursor) ? opening.update(Buffer.from(cursor, 'base64url')) : null

  const seal = (position: number, list: SealedList = 'log'): string => {
    const block = Buffer.alloc(2 * HALF)
    block.writeBigUInt64BE(LISTS[list])
    block.writeBigUInt64BE(BigInt(position), HALF)
    return sealBlock(block)
  }
  const open = (cursor: string, list: SealedList = 'log'): number | null => {
    const block = openBlock(cursor)
    if (block?.readBigUInt64BE(0) !== LISTS[list]) return null
    const position = Number(block.readBigUInt64BE(HALF))
    return Number.isSafeInteger(position) && seal(position, list) === cursor ? position : null
  }
  const sealEvent: Cursors['sealEvent'] = ({ position, tag }, epoch) => {
    if (tag === 0 && epoch === 0) return seal(position)
    const block = Buffer.alloc(2 * HALF)
    block.writeUInt32BE(TAGGED)
    block.writeUIntBE(position, TAGGED_AT.position, POSITION_BYTES)
    block.writeUInt32BE(tag, TAGGED_AT.tag)
    block.writeUInt16BE(epoch, TAGGED_AT.epoch)
    return sealBlock(block)
  }
  return {
    seal,
    open,
    sealEvent,
    openEvent: (cursor) => {
      const block = openBlock(cursor)
      if (block?.readUInt32BE(0) === TAGGED) {
        const position = block.readUIntBE(TAGGED_AT.position, POSITION_BYTES)
        const place = { position, tag: block.readUInt32BE(TAGGED_AT.tag), epoch: block.readUInt16BE(TAGGED_AT.epoch) }
        return sealEvent(place, place.epoch) === cursor ? place : null
      }
      const position = open(cursor)
      return position === null ? null : { position, tag: null, epoch: 0 }
    },
  }
}
