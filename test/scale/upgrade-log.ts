import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openData } from '../support/data.ts'

const KEPT_MS = 30 * 24 * 60 * 60 * 1_000
const MOST_STEPS = 20

/** Divides the log as an instance of this version does, until its first partition has an end. */
export async function divideLog(databaseUrl: string): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'fleetshare-scale-'))
  const data = await openData({ databaseUrl, dataDir })
  try {
    for (let step = 0; step < MOST_STEPS; step++) {
      const { ahead } = await data.prisma.event.grow(KEPT_MS, null)
      if (ahead > 0) return
    }
    throw new Error('the log is not divided')
  } finally {
    await data.close()
    await rm(dataDir, { recursive: true, force: true })
  }
}
