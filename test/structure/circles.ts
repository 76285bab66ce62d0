/** What each place imports. */
export type Graph = ReadonlyMap<string, readonly string[]>

/**
 * Tarjan's strongly connected components.
 * @returns the groups of two and more places of which each reaches each other, sorted
 */
export function circlesIn(graph: Graph): string[][] {
  const found = new Map<string, { readonly index: number; low: number; isOpen: boolean }>()
  const open: string[] = []
  const circles: string[][] = []

  function visit(place: string): number {
    const own = { index: found.size, low: found.size, isOpen: true }
    found.set(place, own)
    open.push(place)
    for (const target of graph.get(place) ?? []) {
      const known = found.get(target)
      if (!known) own.low = Math.min(own.low, visit(target))
      else if (known.isOpen) own.low = Math.min(own.low, known.index)
    }
    if (own.low < own.index) return own.low
    const group = open.splice(open.indexOf(place))
    for (const member of group) Object.assign(found.get(member) ?? {}, { isOpen: false })
    if (group.length > 1) circles.push(group.toSorted())
    return own.low
  }

  for (const place of graph.keys()) if (!found.has(place)) visit(place)
  return circles.toSorted(([a = ''], [b = '']) => a.localeCompare(b))
}
