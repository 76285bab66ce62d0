import { randomBytes } from 'node:crypto'
import type { PrismaClient } from '../../generated/prisma/client.ts'

/** A key that all instances share: made by the one that starts first, and never leaves the database but for them. */
export async function sharedSecret(prisma: PrismaClient, name: string, bytes: number): Promise<Uint8Array> {
  await prisma.secret.createMany({ data: [{ name, value: randomBytes(bytes) }], skipDuplicates: true })
  return (await prisma.secret.findUniqueOrThrow({ where: { name } })).value
}
