import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { newDataDir } from '../support/databases.ts'
import { freePort } from '../support/ports.ts'
import { startNode } from '../support/process.ts'
import { startServer } from '../support/server.ts'

/** The lines on standard error of the command that makes a token. */
async function complaintsOf(port: string, folder: string): Promise<readonly string[]> {
  const program = startNode(
    'src/cli/token.ts',
    { PORT: port, DATA_DIR: folder },
    '--fleet',
    '78LMK',
    '--role',
    'viewer',
  )
  expect(await program.ended).toEqual({ code: 0, signal: null })
  expect(program.lines).toEqual([expect.stringMatching(/^ey/)])
  return program.complaints
}

it('warns of a server that does not trust the token, unless the DATA_DIR is in use by another server', async () => {
  const { url, settings, close } = await startServer()
  onTestFinished(close)
  const { port } = new URL(url)
  const elsewhere = await newDataDir(null)
  onTestFinished(() => rm(elsewhere, { recursive: true, force: true }))
  expect(await complaintsOf(port, elsewhere)).toEqual([
    `The server on ${url} does not trust this token: it was started with another DATA_DIR than ${elsewhere}, or trusts an identity provider.`,
  ])
  expect(await complaintsOf(port, settings.dataDir)).toEqual([])
  expect(await complaintsOf(String(await freePort()), elsewhere)).toEqual([])
  await writeFile(join(elsewhere, 'postgres.pid'), '1')
  expect(await complaintsOf(port, elsewhere)).toEqual([])
})
