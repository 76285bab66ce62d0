import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { FAULTS } from './faults.ts'

const ROOT = join(import.meta.dirname, '../..')

it('every fault finds the text that it changes', async () => {
  const patches = FAULTS.flatMap(({ name, patches: own }) => own.map((patch) => ({ name, ...patch })))
  const lost = await Promise.all(
    patches.map(async ({ name, file, find }) =>
      (await readFile(join(ROOT, file), 'utf8')).includes(find) ? [] : [`${name}: ${find}`],
    ),
  )
  expect(lost.flat()).toEqual([])
})
