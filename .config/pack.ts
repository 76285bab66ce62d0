import { cp, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'vite'
import type { Rolldown } from 'vite'

/**
 * The JavaScript of the package, for npm pack: dist/ is built before and removed after. Node.js runs the TypeScript of a
 * checkout, yet strips no types below node_modules.
 */

const ROOT = join(import.meta.dirname, '..')
const DIST = join(ROOT, 'dist')

/** The files that the server reads beside its code, at the places where the code looks for them. */
const DATA = ['prisma/migrations', 'src/generated/console']

/** Each source file becomes one of JavaScript at the same place. @returns the packages that they import */
async function compile(): Promise<ReadonlySet<string>> {
  const commands = (await readdir(join(ROOT, 'src/cli'))).filter((file) => file.endsWith('.ts'))
  const programs = ['main.ts', 'simulator/main.ts', ...commands.map((file) => `cli/${file}`)]
  const { output } = (await build({
    root: ROOT,
    configFile: false,
    logLevel: 'warn',
    build: {
      ssr: true,
      outDir: DIST,
      emptyOutDir: true,
      target: 'node22',
      minify: false,
      rolldownOptions: {
        input: programs.map((file) => join(ROOT, 'src', file)),
        output: { preserveModules: true, preserveModulesRoot: ROOT, entryFileNames: '[name].js' },
      },
    },
  })) as Rolldown.RolldownOutput
  const chunks = output.filter((file) => file.type === 'chunk')
  const own = new Set(chunks.map(({ fileName }) => fileName))
  const imports = chunks.flatMap((chunk) => [...chunk.imports, ...chunk.dynamicImports])
  const foreign = imports.filter((name) => !own.has(name) && !name.startsWith('node:'))
  return new Set(foreign.map((name) => name.split('/', name.startsWith('@') ? 2 : 1).join('/')))
}

/** @throws for an import that an installed package would not find */
async function pack(): Promise<void> {
  const manifest = await readFile(join(ROOT, 'package.json'), 'utf8')
  const { dependencies } = JSON.parse(manifest) as { dependencies: Readonly<Record<string, string>> }
  const missing = [...(await compile())].filter((name) => !Object.hasOwn(dependencies, name))
  if (missing.length > 0) throw new Error(`not among the dependencies of package.json: ${missing.join(', ')}`)
  for (const folder of DATA) await cp(join(ROOT, folder), join(DIST, folder), { recursive: true })
}

if (process.argv[2] === 'clean') await rm(DIST, { recursive: true, force: true })
else await pack()
