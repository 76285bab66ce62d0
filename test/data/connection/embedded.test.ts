import { rm } from 'node:fs/promises'
import { expect, inject, it, onTestFinished } from 'vitest'
import { openDatabase } from '../../../src/data/connection/open.ts'
import { newDataDir } from '../../support/databases.ts'

async function open() {
  const dataDir = await newDataDir(inject('embeddedTemplate'))
  const db = await openDatabase({ databaseUrl: null, dataDir })
  onTestFinished(async () => {
    await db.close()
    await rm(dataDir, { recursive: true, force: true })
  })
  return db.prisma
}

it('reports a transaction whose COMMIT fails, and goes on', async () => {
  const prisma = await open()
  await prisma.$executeRaw`CREATE TABLE parent (id INT PRIMARY KEY)`
  await prisma.$executeRaw`CREATE TABLE child (parent_id INT REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)`
  const failing = prisma.$transaction(async (tx) => {
    await tx.$executeRaw`INSERT INTO child (parent_id) VALUES (1)`
    return 'done'
  })
  await expect(failing).rejects.toThrow(/child_parent_id_fkey/)
  expect(await prisma.$queryRaw`SELECT * FROM child`).toEqual([])
  expect(await prisma.$transaction(async (tx) => tx.$queryRaw`SELECT 1 AS one`)).toEqual([{ one: 1 }])
})

it('keeps statements of others out of an open transaction', async () => {
  const prisma = await open()
  await prisma.$executeRaw`CREATE TABLE thing (id INT)`
  const undone = prisma.$transaction(async (tx) => {
    await tx.$executeRaw`INSERT INTO thing VALUES (1)`
    throw new Error('undo')
  })
  const beside = prisma.$executeRaw`INSERT INTO thing VALUES (2)`
  await expect(undone).rejects.toThrow('undo')
  await beside
  expect(await prisma.$queryRaw`SELECT id FROM thing`).toEqual([{ id: 2 }])
})
