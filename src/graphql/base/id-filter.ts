import { badUserInput } from './errors.ts'

/** The most ids in a filter. */
const IDS = 1_000

/**
 * The ids of a filter, null for all.
 * @param name the argument, such as `filter.ids`
 * @throws BAD_USER_INPUT for more than `most`
 */
export function idsOf(
  name: string,
  ids: readonly string[] | null | undefined,
  most: number = IDS,
): readonly string[] | null {
  if (ids && ids.length > most) {
    throw badUserInput(
      `${name} takes at most ${most.toLocaleString('en')} ids, not ${ids.length.toLocaleString('en')}.`,
    )
  }
  return ids ?? null
}
