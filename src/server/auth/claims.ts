/**
 * A claim by its name, or by its path from one claim to the next: `realm_access.roles`. A name may have dots itself, such as
 * `https://fleet.example/roles`, at every step: the longest name that there is goes first.
 * @returns undefined where there is none
 */
export function claimAt(claims: unknown, path: string): unknown {
  if (typeof claims !== 'object' || claims === null) return undefined
  const own = new Map(Object.entries(claims))
  if (own.has(path)) return own.get(path)
  for (let dot = path.lastIndexOf('.'); dot > 0; dot = path.lastIndexOf('.', dot - 1)) {
    const found = claimAt(own.get(path.slice(0, dot)), path.slice(dot + 1))
    if (found !== undefined) return found
  }
  return undefined
}
