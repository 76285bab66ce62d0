/** Milliseconds since 1970-01-01T00:00:00Z, whole. Every instant in the domain has this form. */
export type Instant = number

/** A half-open range: `startsAt` belongs to it, `endsAt` does not. An `endsAt` of null is an open end. */
export type Period = { readonly startsAt: Instant; readonly endsAt: Instant | null }

/** The end of the year 9999: every client's ISO 8601 parser can read the years 1970 to 9999. */
export const LATEST_INSTANT: Instant = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

export const isEmpty = ({ startsAt, endsAt }: Period): boolean => endsAt !== null && endsAt <= startsAt

export const covers = ({ startsAt, endsAt }: Period, at: Instant): boolean =>
  startsAt <= at && (endsAt === null || at < endsAt)

/** Whether some instant lies in both. Back to back is no overlap, and an empty period overlaps nothing. */
export const overlaps = (a: Period, b: Period): boolean =>
  !isEmpty(a) &&
  !isEmpty(b) &&
  (a.endsAt === null || b.startsAt < a.endsAt) &&
  (b.endsAt === null || a.startsAt < b.endsAt)

/** @returns the earlier of two ends; null stands for an open end */
export const earlier = (a: Instant | null, b: Instant | null): Instant | null =>
  a === null ? b : b === null ? a : Math.min(a, b)
