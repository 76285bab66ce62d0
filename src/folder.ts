import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Makes a folder and those above it, where they are missing. `mkdir` with `recursive` never ends below a folder in which
 * nobody can make one, such as /proc.
 * @throws the error of mkdir(), also where something other than a folder is in the way
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' && dirname(path) !== path) {
      await makeFolder(dirname(path))
      await mkdir(path).catch((again: unknown) => isFolder(path, again))
    } else await isFolder(path, error)
  }
}

async function isFolder(path: string, error: unknown): Promise<void> {
  const found = await stat(path).catch(() => null)
  if (!found?.isDirectory()) throw error
}
