import { openSql, verify } from '../../src/data/verify/verify.ts'
import type { Disagreement } from '../../src/data/verify/verify.ts'

/**
 * What does not agree in a database of PostgreSQL: rows with the log, rows with each other, indexes with their tables. For the
 * end of a test, whether or not instances still run; a healthy database gives [].
 */
export async function verifyDatabase(databaseUrl: string): Promise<string[]> {
  return (await disagreements({ databaseUrl, dataDir: '' })).map(({ line }) => line)
}

/** The same of either kind of database; an embedded one must not be in use. */
export async function disagreements(settings: Parameters<typeof openSql>[0]): Promise<Disagreement[]> {
  const { sql, close } = await openSql(settings)
  try {
    const told: Disagreement[] = []
    await verify(sql, (disagreement) => told.push(disagreement))
    return told
  } finally {
    await close()
  }
}
