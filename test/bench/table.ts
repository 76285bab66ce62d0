import type { World } from './data.ts'
import type { Measured } from './load.ts'
import { quantile } from './measure.ts'
import { RIVALS, SYSTEMS } from './systems.ts'
import { WORKLOADS } from './workloads.ts'

/** What was measured for one system under one workload, round by round. */
export type Cell = {
  readonly workload: string
  readonly system: string
  readonly world: World
  readonly rounds: Measured[]
}

type Field = Exclude<keyof Measured, 'extra'>

export const median = (cell: Cell, valueOf: (round: Measured) => number): number =>
  quantile(cell.rounds.map(valueOf), 0.5)

const COLUMNS = ['', 'CPU µs/op', 'to best rival', 'PostgreSQL µs/op', 'op/s', 'p50 ms', 'p99 ms', 'RSS MB']

/** One table per workload and world, in Markdown: the medians of the rounds. */
export const tableOf = (cells: readonly Cell[]): string =>
  [...Map.groupBy(cells, ({ workload, world }) => `${workload} ${world.vehicles}`).values()].map(tableOfOne).join('\n')

function tableOfOne(cells: readonly Cell[]): string {
  const cpuOf = (cell: Cell) => median(cell, ({ cpu }) => cpu)
  const best = Math.min(...cells.filter(({ system }) => RIVALS.includes(system)).map(cpuOf))
  const extras = Object.keys(cells[0]?.rounds[0]?.extra ?? {})
  const rows = cells.map((cell) => {
    const shown = (field: Field, scale: number, digits: number) => {
      const value = median(cell, (round) => round[field])
      return Number.isFinite(value) ? (value * scale).toFixed(digits) : ''
    }
    return [
      SYSTEMS[cell.system]?.title ?? cell.system,
      shown('cpu', 1000, 0),
      best === Infinity ? '' : (cpuOf(cell) / best).toFixed(2),
      shown('postgres', 1000, 0),
      shown('perSecond', 1, 0),
      shown('p50', 1, 1),
      shown('p99', 1, 1),
      shown('memory', 2 ** -20, 0),
      ...extras.map((name) => median(cell, ({ extra }) => extra?.[name] ?? NaN).toFixed(1)),
    ]
  })
  const { workload, world } = cells[0] as Cell
  const title = `${workload}: ${WORKLOADS[workload]?.title} (${world.vehicles} vehicles, ${world.events} events)`
  return `${title}\n\n${markdown([[...COLUMNS, ...extras], ...rows])}\n`
}

export function markdown(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    `| ${row.map((text, column) => (column === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart(widths[column] ?? 0))).join(' | ')} |`
  const rule = `| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`
  const [head = [], ...body] = rows
  return [line(head), rule, ...body.map(line)].join('\n')
}
