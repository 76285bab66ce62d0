import { createCipheriv, createDecipheriv } from 'node:crypto'
import type { Database } from './client.ts'

const HALF = 8

/**
 * A place in the log as clients hold it. Positions count everybody's events, so a plain number would tell each fleet how
 * busy the others are; sealed as one AES block it tells nothing, sorts nothing and cannot be made up. Equal positions give
 * equal cursors, on every instance.
 */
export function sealCursor({ cursorKey }: Pick<Database, 'cursorKey'>, position: number): string {
  const block = Buffer.alloc(2 * HALF)
  block.writeBigUInt64BE(BigInt(position), HALF)
  // One block of its own, so that there is nothing to chain and no initialisation vector to carry.
  const cipher = createCipheriv('aes-128-ecb', cursorKey, null).setAutoPadding(false)
  return cipher.update(block).toString('base64url')
}

/** @returns null for anything that sealCursor did not make */
export function openCursor({ cursorKey }: Pick<Database, 'cursorKey'>, cursor: string): number | null {
  if (!/^[\w-]{22}$/.test(cursor)) return null
  const decipher = createDecipheriv('aes-128-ecb', cursorKey, null).setAutoPadding(false)
  const block = decipher.update(Buffer.from(cursor, 'base64url'))
  if (block.readBigUInt64BE(0) !== 0n) return null
  const position = Number(block.readBigUInt64BE(HALF))
  return Number.isSafeInteger(position) && sealCursor({ cursorKey }, position) === cursor ? position : null
}
