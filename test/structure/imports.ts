import { posix } from 'node:path'
import { LAYERS } from './layers.ts'
import type { Layers } from './layers.ts'
import { importsOf } from './syntax.ts'
import type { Node } from './syntax.ts'

/** The one file of data that is imported, for the version. */
const MANIFEST = 'package.json'

/** @returns what is wrong with the imports of a file, such as "src/domain/a.ts imports pg" */
export function wrongImports(file: string, nodes: readonly Node[], layers: Layers = LAYERS): string[] {
  const folder = `${posix.dirname(file)}/`
  const layer = layers[file] ?? layers[folder]
  if (layer === undefined) return [`${file} belongs to no layer`]
  const own = file in layers ? layer.own : [...layer.own, folder]
  const mayImport = (specifier: string | null): boolean => {
    if (specifier === null) return false
    if (!/^[./]/.test(specifier)) return layer.packages.some((name) => matches(specifier, name))
    const target = posix.join(folder, specifier)
    return (/\.tsx?$/.test(target) || target === MANIFEST) && own.some((place) => isIn(target, place))
  }
  return importsOf(nodes)
    .filter((specifier) => !mayImport(specifier))
    .map((specifier) => `${file} imports ${specifier ?? 'what cannot be told'}`)
}

/** Whether a package, or a path inside it, has this name; `node:` stands for all of Node's own. */
export const matches = (specifier: string, name: string): boolean =>
  name === 'node:' ? specifier.startsWith(name) : specifier === name || specifier.startsWith(`${name}/`)

/** Whether a file is the place, or lies in that folder itself; only what is generated counts with all its folders. */
export const isIn = (file: string, place: string): boolean =>
  file === place ||
  (place.endsWith('/') &&
    file.startsWith(place) &&
    (place === 'src/generated/' || !file.slice(place.length).includes('/')))

/** The files of this project that a file imports, as paths from its root. */
export const targetsOf = (file: string, nodes: readonly Node[]): string[] =>
  importsOf(nodes).flatMap((specifier) =>
    specifier?.startsWith('.') ? [posix.join(posix.dirname(file), specifier)] : [],
  )
