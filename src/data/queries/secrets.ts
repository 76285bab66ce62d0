import { randomBytes } from 'node:crypto'
import type { PrismaClient } from '../../generated/prisma/client.ts'

/** A secret that all instances share: the first instance makes it, and it stands in the database. */
export async function sharedSecret(prisma: PrismaClient, name: string, bytes: number): Promise<Uint8Array> {
  await prisma.secret.createMany({ data: [{ name, value: randomBytes(bytes) }], skipDuplicates: true })
  return (await prisma.secret.findUniqueOrThrow({ where: { name } })).value
}
