import { createHash } from 'node:crypto'
import { InputError, RequestError } from '../../domain/errors.ts'
import type { Instant } from '../../domain/period.ts'
import { checkText } from '../../domain/text.ts'
import type { Services } from '../services.ts'
import { timestamp } from '../database/statement.ts'
import type { Statement, Tx } from '../database/statement.ts'

/** How long a key is kept. Milliseconds. */
const KEPT_MS = 24 * 60 * 60 * 1000

const OF = 'fleet_id = $1 AND mutation = $2 AND key = $3'
const FORGET: Statement = {
  name: 'forget_key',
  text: `DELETE FROM idempotency_key WHERE ${OF} AND created_at <= $4`,
}
const CLAIM: Statement = {
  name: 'claim_key',
  text: `INSERT INTO idempotency_key (fleet_id, mutation, key, input_hash, result_id, created_at)
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING 1`,
}
const KNOWN: Statement = {
  name: 'known_key',
  text: `SELECT input_hash, result_id FROM idempotency_key WHERE ${OF}`,
}

export type KeyUse = {
  readonly fleetId: string
  readonly mutation: 'startSharing' | 'sendCommand'
  /** null if the client gave none. */
  readonly key: string | null
  /** The input after defaults, in one form for all that is the same. */
  readonly input: Readonly<Record<string, unknown>>
}

/**
 * The id that this key named before, or null if it is new; it then names `resultId` once the transaction commits. A request with
 * the same key that comes in between waits for that commit, so that the thing is done once. A refusal undoes the
 * transaction, and with it the key: only successes are remembered.
 * @throws RequestError IDEMPOTENCY_KEY_REUSED
 */
export async function claimKey(tx: Tx, use: KeyUse, resultId: string, at: Instant): Promise<string | null> {
  const { key } = use
  // A malformed key names nothing; it is refused where the input is.
  if (key === null || !isWellFormed(key)) return null
  const id = [use.fleetId, use.mutation, key]
  const inputHash = createHash('sha256').update(JSON.stringify(use.input)).digest('hex')
  await tx.query(FORGET, [...id, timestamp(at - KEPT_MS)])
  if ((await tx.query(CLAIM, [...id, inputHash, resultId, timestamp(at)])).length === 1) return null
  const [known] = await tx.query<{ input_hash: string; result_id: string }>(KNOWN, id)
  if (!known) throw new Error('a key that was taken is missing')
  if (known.input_hash !== inputHash) throw new RequestError('IDEMPOTENCY_KEY_REUSED')
  return known.result_id
}

/** @throws InputError at [idempotencyKey] */
export function checkKey(key: string | null): void {
  const path = ['idempotencyKey']
  if (key === '') throw new InputError(path, 'idempotencyKey must not be empty.')
  if (key !== null) checkText(key, path)
}

function isWellFormed(key: string): boolean {
  try {
    checkKey(key)
    return true
  } catch {
    return false
  }
}

/** Removes keys that are no longer kept. */
export async function forgetKeys({ prisma, clock }: Services): Promise<void> {
  await prisma.idempotencyKey.deleteMany({ where: { createdAt: { lte: new Date(clock.now() - KEPT_MS) } } })
}
