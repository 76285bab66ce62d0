import { readdir, readFile } from 'node:fs/promises'

/** The kernel counts processor time in hundredths of a second, whatever its own clock does. */
const MS_PER_TICK = 10
const PAGE_BYTES = 4096

type Stat = { readonly parent: number; readonly own: number; readonly reaped: number }

/** /proc/<pid>/stat; the name in parentheses may hold anything, so what follows the last one counts. */
async function statOf(pid: number | string): Promise<Stat | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null)
  if (text === null) return null
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const field = (number: number) => Number(fields[number - 3])
  return { parent: field(4), own: field(14) + field(15), reaped: field(16) + field(17) }
}

/** Processor time of a process so far, in user and system mode, in milliseconds. */
export const cpuOf = async (pid: number): Promise<number> => ((await statOf(pid))?.own ?? 0) * MS_PER_TICK

/** The same of a process together with its children, those that have ended among them. */
export async function cpuWithChildren(pid: number): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const stats = await Promise.all(pids.map(statOf))
  const children = stats.filter((stat) => stat?.parent === pid)
  const self = await statOf(pid)
  const ticks = (self?.own ?? 0) + (self?.reaped ?? 0) + children.reduce((sum, stat) => sum + (stat?.own ?? 0), 0)
  return ticks * MS_PER_TICK
}

/** Resident memory of a process, in bytes. */
export async function memoryOf(pid: number): Promise<number> {
  const [, resident] = (await readFile(`/proc/${pid}/statm`, 'utf8')).split(' ')
  return Number(resident) * PAGE_BYTES
}

/** @param share 0.5 for the median, 0.99 for the 99th percentile; NaN of nothing */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN
}
