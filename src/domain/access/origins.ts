/** The origins of web pages that may call. */
export type Origins = {
  /** As ALLOWED_ORIGINS has them: origins, origins of this machine with `*` as their port, or `*` for all. */
  readonly listed: readonly string[]
  /** Whether pages of this machine may call, whatever is listed. */
  readonly loopback: boolean
}

/** Stands for every origin. */
export const ANY_ORIGIN = '*'

const ANY_PORT = ':*'

/** Whether a text can stand in ALLOWED_ORIGINS. The port may be left open for this machine alone. */
export function isOriginPattern(text: string): boolean {
  // Browsers send no origin with an asterisk: as a pattern it would match nothing.
  if (text === ANY_ORIGIN || (isOrigin(text) && !text.includes('*'))) return true
  const host = text.slice(0, -ANY_PORT.length)
  return text.endsWith(ANY_PORT) && isOrigin(host) && isLoopback(host) && new URL(host).port === ''
}

/** Whether pages of an origin may call; its text is that of a browser's Origin header. */
export function allowsOrigin({ listed, loopback }: Origins, origin: string): boolean {
  if (listed.includes(ANY_ORIGIN) || listed.includes(origin)) return true
  if (!isLoopback(origin)) return false
  return loopback || listed.includes(origin.replace(/(?::\d+)?$/, ANY_PORT))
}

const isOrigin = (text: string): boolean => URL.canParse(text) && new URL(text).origin === text

/** Names and addresses by which a machine reaches itself (RFC 6761, 6.3; RFC 1122, 3.2.1.3; RFC 4291, 2.5.3). */
const LOOPBACK = /^(?:(?:[^.]+\.)*localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

const isLoopback = (origin: string): boolean =>
  /^https?:/.test(origin) && isOrigin(origin) && LOOPBACK.test(new URL(origin).hostname)
