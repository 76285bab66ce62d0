const TIME = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
})
const DAY = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' })

/** An instant of today by its time, another one by its day. */
export function clock(instant: string, now = Date.now()): string {
  const at = new Date(instant)
  const time = TIME.format(at)
  return at.toDateString() === new Date(now).toDateString() ? time : `${DAY.format(at)}, ${time}`
}

/** How far an instant is away, in the unit that a person would name. */
export function distance(instant: string, now: number): string {
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

/** @returns null for never, which is an open end */
export const inSeconds = (seconds: number | null): string | null =>
  seconds === null ? null : new Date(Date.now() + seconds * 1000).toISOString()
