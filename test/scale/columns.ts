import { CLASSES } from './figures.ts'

/** What is kept of each client, in memory that its thread shares with the measurement: a few numbers, however much comes. */
export type Columns = {
  /** Where its last event stands in the log. */
  readonly position: Float64Array
  /** Of the events that came, and of their positions in their order. */
  readonly count: Uint32Array
  readonly hash: Uint32Array
  /** Events that came twice or out of order. */
  readonly faults: Uint32Array
  /** Subscriptions that the server ended or refused. */
  readonly refusals: Uint32Array
  readonly connections: Uint32Array
  /** The instance that it is subscribed at; -1 while it is at none. */
  readonly instance: Int32Array
  /** When the first event came that was recorded after `mark`; 0 as long as none has. */
  readonly backAt: Float64Array
  /** From recordedAt to receipt: of events recorded while the client was there, and of those that it had missed. */
  readonly live: Uint32Array
  readonly missed: Uint32Array
  /** An instant; 0 for none. */
  readonly mark: Float64Array
  /** 1 while the clients are cut at random. */
  readonly cutting: Int32Array
}

const floats = (length: number) => new Float64Array(new SharedArrayBuffer(8 * length))
const integers = (length: number) => new Int32Array(new SharedArrayBuffer(4 * length))
const counters = (length: number) => new Uint32Array(new SharedArrayBuffer(4 * length))

export const newColumns = (clients: number): Columns => ({
  position: floats(clients),
  count: counters(clients),
  hash: counters(clients),
  faults: counters(clients),
  refusals: counters(clients),
  connections: counters(clients),
  instance: integers(clients).fill(-1),
  backAt: floats(clients),
  live: counters(CLASSES),
  missed: counters(CLASSES),
  mark: floats(1),
  cutting: integers(1),
})

/** FNV-1a over positions: two rows of positions have the same hash only if they are the same, as good as surely. */
export const fold = (hash: number, position: number): number => Math.imul(hash ^ position, 0x01000193) >>> 0

export const sum = (column: Uint32Array): number => column.reduce((total, value) => total + value, 0)

/** What a client will have once it has received all of these. */
export const digest = (positions: readonly number[]) => ({
  count: positions.length,
  hash: positions.reduce(fold, 0),
  last: positions.at(-1) ?? 0,
})
