import { readFile } from 'node:fs/promises'

/** What /proc counts in, on every Linux that is met. */
const TICKS_PER_SECOND = 100

/** Fields of /proc/PID/stat behind the name, which may hold spaces: user and system time, of itself and of children that ended. */
async function timesOf(pid: number): Promise<{ readonly own: number; readonly ended: number }> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [user = 0, system = 0, endedUser = 0, endedSystem = 0] = fields.slice(11, 15).map(Number)
  return { own: (user + system) / TICKS_PER_SECOND, ended: (endedUser + endedSystem) / TICKS_PER_SECOND }
}

/** Seconds of a processor that a process has used. */
export const cpuOf = async (pid: number): Promise<number> => (await timesOf(pid)).own

/** The same of a process and its children, those that have ended included: of PostgreSQL, a child for each connection. */
export async function cpuOfTree(pid: number): Promise<number> {
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).split(' ').filter(Boolean)
  const { own, ended } = await timesOf(pid)
  // One that ends meanwhile is counted with its parent the next time.
  const used = await Promise.all(children.map((child) => cpuOf(Number(child)).catch(() => 0)))
  return used.reduce((total, seconds) => total + seconds, own + ended)
}
