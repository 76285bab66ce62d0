import { createHash } from 'node:crypto'
import { InputError, RequestError } from '../domain/errors.ts'
import type { Instant } from '../domain/period.ts'
import { checkText } from '../domain/text.ts'
import type { Database } from './client.ts'
import type { Tx } from './lock.ts'

/** How long a key is kept. Milliseconds. */
const KEPT_MS = 24 * 60 * 60 * 1000

export type KeyUse = {
  readonly fleetId: string
  readonly mutation: 'startSharing' | 'sendCommand'
  /** null if the client gave none. */
  readonly key: string | null
  /** The input after defaults, in one form for all that is the same. */
  readonly input: Readonly<Record<string, unknown>>
}

/**
 * What this key named before, or null if it is new; it then names `resultId` once the transaction commits. A request with
 * the same key that comes in between waits for that commit, so that the thing is done once. A refusal undoes the
 * transaction, and with it the key: only successes are remembered.
 * @throws RequestError IDEMPOTENCY_KEY_REUSED
 */
export async function claimKey(tx: Tx, use: KeyUse, resultId: string, at: Instant): Promise<string | null> {
  const { key } = use
  // A malformed key names nothing; it is refused where the input is.
  if (key === null || !isWellFormed(key)) return null
  const id = { fleetId: use.fleetId, mutation: use.mutation, key }
  const inputHash = createHash('sha256').update(JSON.stringify(use.input)).digest('hex')
  await tx.idempotencyKey.deleteMany({ where: { ...id, createdAt: { lte: new Date(at - KEPT_MS) } } })
  const { count } = await tx.idempotencyKey.createMany({
    data: [{ ...id, inputHash, resultId, createdAt: new Date(at) }],
    skipDuplicates: true,
  })
  if (count === 1) return null
  const known = await tx.idempotencyKey.findUniqueOrThrow({ where: { fleetId_mutation_key: id } })
  if (known.inputHash !== inputHash) throw new RequestError('IDEMPOTENCY_KEY_REUSED')
  return known.resultId
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
export async function forgetKeys({ prisma, clock }: Database): Promise<void> {
  await prisma.idempotencyKey.deleteMany({ where: { createdAt: { lte: new Date(clock.now() - KEPT_MS) } } })
}
