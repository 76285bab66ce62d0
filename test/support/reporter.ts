import type { Reporter, TestModule } from 'vitest/node'

/** The last line that CI reads: how many passed and failed, on a line of its own. */
export default class Tally implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()])
    const count = (state: string) => tests.filter((test) => test.result().state === state).length
    const blocks = modules.flatMap((module) => [module, ...module.children.allSuites()])
    const broken = blocks.filter((block) => block.errors().length > 0).length
    const skipped = count('skipped')
    const failed = count('failed') + broken + errors.length
    console.log(`\n${count('passed')} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
  }
}
