import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { startPostgres } from '../support/postgres.ts'
import { startArena } from './arena.ts'
import { lineOf, noFigures, runWave } from './wave.ts'

const ROOT = join(import.meta.dirname, '../..')
/** Between them they do all that can be done to an arena. */
const SEEDS = [6, 8, 19, 24]

it(
  'keeps its promises in four random histories with faults; `npm run histories` tries more',
  { timeout: 180_000 },
  async () => {
    // Its own: what stops PostgreSQL's processes is not to hold up other tests.
    const postgres = await startPostgres()
    onTestFinished(postgres.stop)
    const arena = await startArena(ROOT, postgres.url)
    onTestFinished(arena.close)
    const figures = noFigures()
    const begun = performance.now()
    const outcomes = await runWave(arena, SEEDS, figures)
    console.log(`\n${lineOf(figures, begun)}`)
    expect(outcomes.flatMap(({ seed, violations }) => violations.map((violation) => ({ seed, ...violation })))).toEqual(
      [],
    )
    // All of it did happen.
    expect(figures).toMatchObject({ histories: SEEDS.length })
    expect(figures.deliveries).toBeGreaterThan(figures.events)
    expect(figures.reconnects).toBeGreaterThan(0)
    expect(Object.values(figures.disruptions).some((struck) => struck > 0)).toBe(true)
  },
)
