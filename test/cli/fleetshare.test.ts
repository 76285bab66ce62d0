import { readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { startNode } from '../support/process.ts'
import { ROOT } from '../support/readme.ts'

const PROGRAM = 'src/cli/fleetshare.ts'
const { version, scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  version: string
  scripts: Record<string, string>
}

it('says its version, which is that of package.json', async () => {
  const program = startNode(PROGRAM, {}, '--version')
  expect(await program.ended).toEqual({ code: 0, signal: null })
  expect(program.lines).toEqual([version])
})

it('knows each program of its folder as a command, runs it as package.json does, and names itself in its help', async () => {
  const help = startNode(PROGRAM, {}, '--help')
  expect(await help.ended).toEqual({ code: 0, signal: null })
  const named = help.lines.flatMap((line) => /^ {2}([a-z]+) {2,}/.exec(line)?.[1] ?? [])
  const programs = (await readdir(join(ROOT, 'src/cli'))).flatMap((file) => /^(.*)\.ts$/.exec(file)?.[1] ?? [])
  const parts = ['child-processes', 'run', 'fleetshare']
  expect(named.toSorted()).toEqual(
    [...programs.filter((name) => !parts.includes(name)), 'simulate', 'start'].toSorted(),
  )
  for (const name of named.filter((one) => one !== 'start')) {
    expect(scripts).toHaveProperty(name)
    const program = startNode(PROGRAM, { PORT: 'none' }, name, '--help')
    expect(await program.ended).toEqual({ code: 0, signal: null })
    expect(program.lines.join('\n')).toContain(`npx fleetshare ${name}`)
    expect(program.lines.join('\n')).not.toContain('npm run')
  }
})

it('refuses what it does not know, and ends as its command ends', async () => {
  const unknown = startNode(PROGRAM, {}, 'constructor')
  expect(await unknown.ended).toEqual({ code: 1, signal: null })
  expect(unknown.complaints[0]).toBe('fleetshare: constructor is not a command.')
  const failing = startNode(PROGRAM, {}, 'token', '--role', 'boss')
  expect(await failing.ended).toEqual({ code: 1, signal: null })
  expect(failing.complaints[0]).toBe('npx fleetshare token: --role boss is not a role')
})

it('starts the server with the options of npm start', () => {
  const options =
    /(?<=node )(--\S+ )+/
      .exec(scripts['start'] ?? '')?.[0]
      .trim()
      .split(' ') ?? []
  expect(options.length).toBeGreaterThan(0)
  const source = readFileSync(join(ROOT, PROGRAM), 'utf8')
  expect(source).toContain(`SERVER_OPTIONS = [${options.map((option) => `'${option}'`).join(', ')}]`)
})
