/** A job that is done again and again in the background. */
export type Loop = {
  /** No step begins any more. Resolves once the one under way is done. */
  readonly stop: () => Promise<void>
}

/**
 * Takes one step after the other. Each step returns the pause before the next, 0 for none; a step that fails is reported, and
 * the next comes after `everyMs`. Milliseconds.
 */
export function startLoop(everyMs: number, step: () => Promise<number>, onError: (error: unknown) => void): Loop {
  let stopped = false
  let wake = () => {}

  async function run(): Promise<void> {
    while (!stopped) {
      let pause = everyMs
      try {
        pause = await step()
      } catch (error) {
        onError(error)
      }
      if (!stopped && pause > 0) await new Promise<void>((resolve) => setTimeout((wake = resolve), pause))
    }
  }

  const running = run()
  return {
    stop: async () => {
      stopped = true
      wake()
      await running
    },
  }
}
