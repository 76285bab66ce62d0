import { crc32, deflateSync, inflateSync } from 'node:zlib'

const SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex')
const COLOURS = 256
const SURFACES = 64
/** As the square of the distance between two colours, each channel from 0 to 255. */
const APART = 200
/** Bytes of a pixel by PNG's type of colour: RGB, and RGB with alpha, which is dropped. */
const PIXEL_BYTES: Readonly<Record<number, number>> = { 2: 3, 6: 4 }

/**
 * The same picture with at most 256 colours, a byte a pixel: about a third of what the browser writes. Pixels of rarer
 * colours, such as the edges of letters, take the nearest that is left.
 * @throws for a PNG other than the browser's: 8 bits a channel, not interlaced
 */
export function reduceColours(png: Buffer): Buffer {
  const { width, height, colours } = pixelsOf(png)
  const counts = new Map<number, number>()
  for (const colour of colours) counts.set(colour, (counts.get(colour) ?? 0) + 1)
  const frequent = [...counts].toSorted(([, a], [, b]) => b - a).map(([colour]) => colour)
  const palette = paletteOf(frequent)
  const places = new Map(frequent.map((colour) => [colour, nearest(palette, colour).place]))

  // Each line begins with its filter: none.
  const lines = Buffer.alloc((width + 1) * height)
  for (const [n, colour] of colours.entries()) {
    lines[Math.floor(n / width) * (width + 1) + 1 + (n % width)] = places.get(colour) ?? 0
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 3, 0, 0, 0], 8)
  const entries = Buffer.from(palette.flatMap((colour) => channels(colour)))
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('PLTE', entries),
    chunk('IDAT', deflateSync(lines, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

const channels = (colour: number): readonly [number, number, number] => [
  colour >> 16,
  (colour >> 8) & 255,
  colour & 255,
]

/** The colours of surfaces, however much alike, and of the others those that nothing chosen before comes near. */
function paletteOf(frequent: readonly number[]): readonly number[] {
  const palette = frequent.slice(0, SURFACES)
  for (const colour of frequent.slice(SURFACES)) {
    if (palette.length < COLOURS && nearest(palette, colour).distance >= APART) palette.push(colour)
  }
  return palette
}

function nearest(palette: readonly number[], colour: number): { readonly place: number; readonly distance: number } {
  const [red, green, blue] = channels(colour)
  const distances = palette.map((other) => {
    const [r, g, b] = channels(other)
    return (r - red) ** 2 + (g - green) ** 2 + (b - blue) ** 2
  })
  const distance = Math.min(...distances)
  return { place: distances.indexOf(distance), distance }
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  check.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, check])
}

/** Each pixel as 0xRRGGBB, line by line. */
function pixelsOf(png: Buffer): { width: number; height: number; colours: Uint32Array } {
  const parts: Buffer[] = []
  let header = Buffer.alloc(13)
  for (let at = SIGNATURE.length; at < png.length; at += png.readUInt32BE(at) + 12) {
    const type = png.toString('latin1', at + 4, at + 8)
    const data = png.subarray(at + 8, at + 8 + png.readUInt32BE(at))
    if (type === 'IHDR') header = Buffer.from(data)
    if (type === 'IDAT') parts.push(data)
  }
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)]
  const size = PIXEL_BYTES[header.readUInt8(9)]
  if (header.readUInt8(8) !== 8 || size === undefined || header.readUInt8(12) !== 0) {
    throw new Error('this PNG is not of the kind that browsers write')
  }
  const bytes = unfiltered(inflateSync(Buffer.concat(parts)), width * size, height, size)
  const colours = Uint32Array.from({ length: width * height }, (_, n) => bytes.readUIntBE(n * size, 3))
  return { width, height, colours }
}

/** Lines without PNG's filters, which say each byte by those to the left, above, and above to the left. */
function unfiltered(raw: Buffer, stride: number, height: number, size: number): Buffer {
  const out = Buffer.alloc(stride * height)
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)]
    for (let x = 0; x < stride; x++) {
      const at = y * stride + x
      const left = x < size ? 0 : (out[at - size] ?? 0)
      const above = y === 0 ? 0 : (out[at - stride] ?? 0)
      const corner = x < size || y === 0 ? 0 : (out[at - stride - size] ?? 0)
      const guesses = [0, left, above, (left + above) >> 1, paeth(left, above, corner)]
      out[at] = (raw[y * (stride + 1) + 1 + x] ?? 0) + (guesses[filter ?? 0] ?? 0)
    }
  }
  return out
}

/** PNG's fourth filter: whichever of the three is nearest to the plane through them. */
function paeth(left: number, above: number, corner: number): number {
  const [a, b, c] = [Math.abs(above - corner), Math.abs(left - corner), Math.abs(left + above - 2 * corner)]
  if (a <= b && a <= c) return left
  return b <= c ? above : corner
}
