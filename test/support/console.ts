import { join } from 'node:path'
import { build } from 'vite'

/** For vitest: the console's page as its source is now. */
export async function setup(): Promise<void> {
  await build({ configFile: join(import.meta.dirname, '../../.config/vite.ts') })
}
