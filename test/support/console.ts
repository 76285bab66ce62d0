import { build } from 'vite'

/** For vitest: the console's page as its source is now. */
export async function setup(): Promise<void> {
  await build({ configFile: new URL('../../.config/vite.ts', import.meta.url).pathname })
}
