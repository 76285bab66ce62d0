import type { Measured } from './load.ts'
import { SYSTEMS } from './systems.ts'
import { markdown, median } from './table.ts'
import type { Cell } from './table.ts'

/** More than this counts as growth. */
const MOST = 1.3
/** A cost that the kernel's clock hardly shows, in microseconds. */
const SMALL_US = 10

const MEASURES = [
  { title: 'server µs', of: ({ cpu }) => cpu * 1000 },
  { title: 'PostgreSQL µs', of: ({ postgres }) => postgres * 1000 },
  { title: 'p50 µs', of: ({ p50 }) => p50 * 1000 },
] as const satisfies { readonly title: string; readonly of: (measured: Measured) => number }[]

type Step = { readonly title: string; readonly small: number; readonly large: number; readonly ratio: number }

/**
 * What each workload takes in the smallest and in the largest world, and the ratio of the two: medians of the rounds. Says at the end
 * which of them grow.
 */
export function growthOf(cells: readonly Cell[]): string {
  const subjects = [...Map.groupBy(cells, ({ workload, system }) => `${workload} ${system}`).values()].map((group) => {
    const [smallest, ...others] = group.toSorted((a, b) => a.world.vehicles - b.world.vehicles) as [Cell, ...Cell[]]
    const largest = others.at(-1) ?? smallest
    const name =
      smallest.system === 'ours' ? smallest.workload : `${smallest.workload}, ${SYSTEMS[smallest.system]?.title}`
    const steps = MEASURES.map(({ title, of }): Step => {
      const [small, large] = [median(smallest, of), median(largest, of)]
      return { title, small, large, ratio: large / small }
    })
    return { name, steps }
  })
  const rows = subjects.map(({ name, steps }) => [name, ...steps.flatMap(columnsOf)])
  const head = ['', ...MEASURES.flatMap(({ title }) => [title, 'largest', 'ratio'])]
  const grown = subjects.flatMap(({ name, steps }) =>
    steps.filter(isGrown).map(({ title, ratio }) => `OVER ${MOST}: ${name}, ${title}: ${ratio.toFixed(2)}`),
  )
  return [markdown([head, ...rows]), '', ...(grown.length === 0 ? [`none is over ${MOST}`] : grown)].join('\n')
}

const isGrown = ({ large, ratio }: Step): boolean => large >= SMALL_US && ratio > MOST

const columnsOf = ({ small, large, ratio }: Step): string[] =>
  [small.toFixed(0), large.toFixed(0), ratio.toFixed(2)].map((text) => (Number.isFinite(Number(text)) ? text : ''))
