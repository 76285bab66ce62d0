/** A text message in pieces, in UTF-8: pieces that are the same for many sockets are shared. */
export type Message = readonly Buffer[]

/** The first byte of a text message in a single frame (RFC 6455, 5.2). */
const TEXT = 0x81
/** Longer messages have their length in two more bytes, and those of more than 65,535 bytes in eight. */
const SHORT = 125
const MEDIUM = 0xffff

const sizeOf = (message: Message): number => message.reduce((size, piece) => size + piece.length, 0)

const headSizeOf = (size: number): number => (size <= SHORT ? 2 : size <= MEDIUM ? 4 : 10)

/** The bytes of the frame of a message. */
export function frameSizeOf(message: Message): number {
  const size = sizeOf(message)
  return headSizeOf(size) + size
}

/** @param size the bytes of all frames @returns the messages as a server sends them: one frame each, without a mask */
export function framesOf(messages: readonly Message[], size: number): Buffer {
  const frames = Buffer.allocUnsafe(size)
  let at = 0
  for (const message of messages) {
    at = writeHead(frames, at, sizeOf(message))
    for (const piece of message) {
      frames.set(piece, at)
      at += piece.length
    }
  }
  return frames
}

/** @returns the place behind the head */
function writeHead(frames: Buffer, at: number, size: number): number {
  frames[at] = TEXT
  if (size <= SHORT) {
    frames[at + 1] = size
    return at + 2
  }
  if (size <= MEDIUM) {
    frames[at + 1] = 126
    return frames.writeUInt16BE(size, at + 2)
  }
  frames[at + 1] = 127
  return frames.writeUIntBE(size, frames.writeUInt16BE(0, at + 2), 6)
}
