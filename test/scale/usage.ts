import { median, promise } from './figures.ts'
import type { Instance } from './instance.ts'

const SAMPLE_MS = 5_000
const PER_MINUTE = 60_000 / SAMPLE_MS
/** Until then caches fill and code is compiled. Minutes. */
const WARM_UP = 1
/** What the last minute may have above the first after that. */
const FLAT = 1.15

/** Seconds of a processor that the measurement itself has used, with all its threads. */
function cpuOfThis(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/**
 * Samples the memory of servers until told to stop; says then how it went, and whether it is flat. And says how much of a
 * processor they have used: on a busy machine that tells more than any time.
 */
export async function watchUsage(instances: readonly Instance[]): Promise<{ readonly stop: () => Promise<void> }> {
  const used = async () => [...(await Promise.all(instances.map(({ cpu }) => cpu()))), cpuOfThis()]
  const [started, before] = [performance.now(), await used()]
  const samples = instances.map((): number[] => [])
  const look = () =>
    void Promise.all(instances.map(async ({ rss }, index) => samples[index]?.push(await rss()))).catch(() => {})
  look()
  const timer = setInterval(look, SAMPLE_MS)
  return {
    stop: async () => {
      clearInterval(timer)
      const seconds = (performance.now() - started) / 1000
      const cores = (await used()).map((after, index) => ((after - (before[index] ?? 0)) / seconds).toFixed(2))
      console.log(`  of a core they used ${cores.slice(0, -1).join(', ')}; the clients and the gateway ${cores.at(-1)}`)
      for (const [index, all] of samples.entries()) {
        const minutes = Array.from({ length: Math.ceil(all.length / PER_MINUTE) }, (_, minute) =>
          median(all.slice(minute * PER_MINUTE, (minute + 1) * PER_MINUTE)),
        )
        const shown = minutes.map((mb) => mb.toFixed(0)).join(', ')
        const [start, end] = [all[0], all.at(-1)].map((mb) => mb?.toFixed(0))
        console.log(`  RSS of instance ${index + 1}, MB: start ${start}; median of each minute ${shown}; end ${end}`)
        const [first, last] = [minutes[WARM_UP], minutes.at(-1)]
        if (first === undefined || last === undefined || minutes.length < WARM_UP + 2) continue
        const growth = ((last / first - 1) * 100).toFixed(1)
        promise(`the memory of instance ${index + 1} is flat: ${growth} % after the first minute`, last <= first * FLAT)
      }
    },
  }
}
