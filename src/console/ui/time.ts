const TIME = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
})
const DAY = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' })

/** The local time of an instant, with the date unless it is today. */
export function formatInstant(instant: string, now = Date.now()): string {
  const at = new Date(instant)
  const time = TIME.format(at)
  return at.toDateString() === new Date(now).toDateString() ? time : `${DAY.format(at)}, ${time}`
}

/** The time until or since an instant, in a unit that fits its size, such as "in 5 min" or "2 h ago". */
export function formatDistance(instant: string, now: number): string {
  const seconds = Math.round((Date.parse(instant) - now) / 1000)
  const size = Math.abs(seconds)
  const text =
    size < 90
      ? `${size} s`
      : size < 5_400
        ? `${Math.round(size / 60)} min`
        : size < 129_600
          ? `${Math.round(size / 3_600)} h`
          : `${Math.round(size / 86_400)} days`
  return seconds >= 0 ? `in ${text}` : `${text} ago`
}

/** @returns the ISO 8601 instant so many seconds from now; null, an open end, for null */
export const instantIn = (seconds: number | null): string | null =>
  seconds === null ? null : new Date(Date.now() + seconds * 1000).toISOString()
