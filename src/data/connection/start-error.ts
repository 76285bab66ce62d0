/** Why the server cannot start on its database; one line that names the setting and the remedy. */
export class DatabaseStartError extends Error {
  /** Whether it may pass by itself, as when PostgreSQL is only starting, too. */
  readonly passes: boolean

  constructor(message: string, passes = false, cause?: unknown) {
    super(message.replaceAll(/\s+/g, ' '), { cause })
    this.passes = passes
  }
}
