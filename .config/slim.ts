import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Files of installed packages that this project never reads are removed, a third of all: the headers of Node.js, for native
 * modules; Prisma's parts for other databases, and its studio; the Relay compiler for other platforms; copies in other
 * formats; source maps.
 */
const UNUSED: readonly RegExp[] = [
  /^node\/node_modules\/node-[\w-]+\/(include|share)\//,
  /^@prisma\/client\/runtime\/query_compiler_\w+\.(cockroachdb|mysql|sqlite|sqlserver)\./,
  /^prisma\/build\/(query_compiler_\w+\.\w+\.wasm|studio\.js)$/,
  /^effect\/(src|dist\/dts|dist\/esm)\//,
  /^@graphql-yoga\/render-graphiql\/cjs\//,
  /\.(js|cjs|mjs|ts|cts|mts|css)\.map$/,
]
const PACKAGES = join(import.meta.dirname, '../node_modules')

/** As Relay's compiler names the folder of its program. */
const SYSTEMS: Readonly<Record<string, string>> = { darwin: 'macos', linux: 'linux', win32: 'win' }
const own = `relay-compiler/${SYSTEMS[process.platform]}-${process.arch}/`

const isUnused = (file: string) =>
  UNUSED.some((pattern) => pattern.test(file)) ||
  (/^relay-compiler\/(linux|macos|win)-\w+\/./.test(file) && !file.startsWith(own))
const files = await readdir(PACKAGES, { recursive: true })
const unused = files.filter((file) => isUnused(file.replaceAll('\\', '/')))
await Promise.all(unused.map((file) => rm(join(PACKAGES, file), { force: true, recursive: true })))
