import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startArena } from './arena.ts'
import { FAULTS } from './faults.ts'
import type { Fault } from './fault.ts'
import { noFigures, runWave } from './wave.ts'

/** What showed a fault, and when; null if nothing did. */
export type Proof = {
  readonly fault: string
  readonly found: { readonly check: string; readonly text: string; readonly seed: number } | null
  /** Violations of other kinds, each once: they have another cause, or the fault breaks more than was thought. */
  readonly others: readonly string[]
  /** Seeds until then, and seconds. */
  readonly seeds: number
  readonly seconds: number
}

export type ProveOptions = {
  readonly root: string
  readonly postgresUrl: string
  readonly first: number
  /** After so many seeds without a violation a fault counts as not found. */
  readonly most: number
  readonly concurrency: number
  /** Only faults with this in their names; all if empty. */
  readonly only: string
}

/**
 * Breaks one rule of the server after the other, and has histories run until the checker finds a violation.
 * @throws when a rule is not where a fault would change it: the source was changed, and the fault has to follow
 */
export async function prove(options: ProveOptions, report: (proof: Proof) => void): Promise<Proof[]> {
  const faults = FAULTS.filter(({ name }) => name.includes(options.only))
  // All of them ahead of the first run, which takes a while.
  for (const fault of faults) await rm(await breakCopy(options.root, fault), { recursive: true })
  const proofs: Proof[] = []
  for (const fault of faults) {
    const proof = await proveOne(fault, options)
    report(proof)
    proofs.push(proof)
  }
  return proofs
}

async function proveOne(fault: Fault, { root, postgresUrl, first, most, concurrency }: ProveOptions): Promise<Proof> {
  const begun = performance.now()
  const copy = await breakCopy(root, fault)
  const arena = await startArena(copy, postgresUrl)
  const others = new Set<string>()
  let seeds = 0
  const proof = (found: Proof['found']): Proof => ({
    fault: fault.name,
    found,
    others: [...others],
    seeds,
    seconds: (performance.now() - begun) / 1000,
  })
  try {
    for (let seed = first; seed < first + most; seed += concurrency) {
      const wave = Array.from({ length: concurrency }, (_, index) => seed + index)
      const outcomes = await runWave(arena, wave, noFigures())
      seeds += concurrency
      for (const { seed: of, violations } of outcomes) {
        const violation = violations.find(({ check }) => fault.by.includes(check))
        if (violation) return proof({ ...violation, seed: of })
        for (const { check, text } of violations) others.add(`${check}: ${text}`)
      }
    }
    return proof(null)
  } finally {
    await arena.close()
    await rm(copy, { recursive: true, force: true })
  }
}

/** @returns a folder with the server as it is but for the fault @throws when a text that it changes is not there */
async function breakCopy(root: string, { name, patches }: Fault): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fleetshare-fault-'))
  for (const part of ['src', 'prisma', 'package.json']) {
    await cp(join(root, part), join(folder, part), { recursive: true })
  }
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  for (const { file, find, replace } of patches) {
    const path = join(folder, file)
    const text = await readFile(path, 'utf8')
    if (!text.includes(find)) {
      await rm(folder, { recursive: true })
      throw new Error(`the fault "${name}" does not find its text in ${file}: ${find}`)
    }
    await writeFile(
      path,
      text.replaceAll(find, () => replace),
    )
  }
  return folder
}
