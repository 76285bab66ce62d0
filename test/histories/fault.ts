/** A change to the text of one file. */
type Patch = {
  readonly file: string
  /** What stands there; each place of it is changed. */
  readonly find: string
  readonly replace: string
}

/** A rule of the server, broken on purpose: the checker has to find out. */
export type Fault = {
  readonly name: string
  /** The checks that can tell; what another finds has another cause. */
  readonly by: readonly string[]
  readonly patches: readonly Patch[]
}
