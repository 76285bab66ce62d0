/** Milliseconds since 1970-01-01T00:00:00Z, whole. Every instant in the domain has this form. */
export type Instant = number

/** Half-open: `startsAt` belongs to it, `endsAt` does not; null has no end. */
export type Period = { readonly startsAt: Instant; readonly endsAt: Instant | null }

/** The years 1970 to 9999, which every client's ISO 8601 parser can read. */
export const LATEST: Instant = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

export const isEmpty = ({ startsAt, endsAt }: Period): boolean => endsAt !== null && endsAt <= startsAt

export const covers = ({ startsAt, endsAt }: Period, at: Instant): boolean =>
  startsAt <= at && (endsAt === null || at < endsAt)

/** Whether some instant lies in both. Back to back is no overlap, and an empty period overlaps nothing. */
export const overlaps = (a: Period, b: Period): boolean =>
  !isEmpty(a) &&
  !isEmpty(b) &&
  (a.endsAt === null || b.startsAt < a.endsAt) &&
  (b.endsAt === null || a.startsAt < b.endsAt)

/** The earlier of two ends; null is an end that never comes. */
export const earlier = (a: Instant | null, b: Instant | null): Instant | null =>
  a === null ? b : b === null ? a : Math.min(a, b)
