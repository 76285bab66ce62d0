import type { Statement } from '../database/statement.ts'
import { EVENT } from '../tables/event.ts'
import { optional, selectParts } from '../tables/record.ts'

/** The tag that an event has now, 0 for one of before there were tags; NULL where there is none. */
const tagAt = (position: string) =>
  `(SELECT COALESCE(k.tag, 0)::bigint FROM event AS k WHERE k.position = (${position})::bigint)`

const COLUMNS = `e.position, e.tag, ${EVENT.columns.map(({ name }) => `e.${name}`).join(', ')}`

/** The tag is selected as a word, which is shorter than a binary number and its frame. */
const tagged = (tag: string) =>
  ({
    position: { sql: 'e.position', kind: 'integer' },
    tag: { sql: tag, kind: 'word' },
    event: optional(EVENT.of('e')),
  }) as const

/** Whether the log still has the event that an instance knows; an instance that has seen no event yet knows none. */
const hasKnown = (known: string, tag: string) =>
  `(${known}::bigint IS NULL OR ${tagAt(known)} IS NOT DISTINCT FROM ${tag}::bigint)`

/** Selected in place of tags where the known event is missing. */
export const KNOWN_MISSING = '-1'

const loggedIf = (condition: string) =>
  selectParts(tagged(`CASE WHEN ${condition} THEN e.tag ELSE ${KNOWN_MISSING} END`))

/** Events without `found`. */
export const LOGGED = loggedIf(hasKnown('$5', '$6'))

/** `found` is in every row, and the only column of a page without events. */
export const PAGED = selectParts({ ...tagged('e.tag'), found: { sql: 'log.found', kind: 'integer' } })

/** Values of `found` at a place in place of the tag of an event there. */
export const FOUND = { nothing: -1, removedBehind: -2, knownMissing: -3 } as const

const foundAt = (place: string, removed: string) => `WHEN (${removed}) > ${place}::bigint THEN ${FOUND.removedBehind}
  ELSE COALESCE(${tagAt(place)}, ${FOUND.nothing}) END::bigint AS found`

/** The vehicles come from a subquery, of which PostgreSQL makes a hash; of an array in a generic plan it makes none. */
const MATCHES = `($7::text[] IS NULL OR e.type = ANY($7))
  AND ($8::text[] IS NULL OR e.vehicle_id IN (SELECT unnest($8::text[])))`

/** $1 the position before the first, $2 the last one, $3 the limit; $4 and $5 the known event's position and tag. */
export const LOG: Statement = {
  name: 'log',
  text: `SELECT ${loggedIf(hasKnown('$4', '$5')).sql} FROM event AS e WHERE e.position > $1::bigint AND e.position <= $2::bigint
    ORDER BY e.position LIMIT $3`,
}

/** The end of the log. $1 positions and $2 tags of events that were in the log. */
export const LOG_END: Statement = {
  name: 'log_end',
  text: `SELECT log.settled, log.drawn, log.last, log.last_tag, log.number, lost.first AS first_lost, lost.last AS last_lost
    FROM log_end() AS log, (
      SELECT min(seen.position) AS first, max(seen.position) AS last
      FROM unnest($1::bigint[], $2::bigint[]) AS seen(position, tag)
      WHERE NOT EXISTS (SELECT FROM event AS k
        WHERE k.position = seen.position AND COALESCE(k.tag, 0) = seen.tag OFFSET 0)) AS lost`,
}

const lastRemoved = (types: string) =>
  `SELECT max(position) AS removed FROM pruned WHERE fleet_id = $1 AND (${types}::text[] IS NULL OR type = ANY(${types}))`

/** The tag of the event at a position, or FOUND.nothing. */
export const TAG: Statement = { name: 'tag', text: `SELECT COALESCE(${tagAt('$1')}, ${FOUND.nothing}) AS found` }

/** $1 the fleet, $2 types or null, $3 a position. */
export const PLACE: Statement = {
  name: 'place',
  text: `SELECT CASE ${foundAt('$3', lastRemoved('$2'))}`,
}

/**
 * The pages of the log, each by an index that holds them in order, so that what a page costs does not grow with the log or
 * with other fleets. Places are compared as rows, (fleet, position), which no other index could serve: left to weigh
 * how rare a fleet is, the planner at times walks the whole log instead.
 * $1 the fleet, $2 the position before the first, $3 the last one, $4 the limit, $5 and $6 the known event's position and tag,
 * $7 types and $8 vehicles, or null.
 */
type Direction = 'ASC' | 'DESC'

/**
 * The range of positions once more, for PostgreSQL to leave out partitions: it derives none from a comparison of rows. In two words each,
 * because a plain comparison would have the planner read the range by the primary key, all fleets' events in it.
 */
const IN_RANGE = `(e.position > $2::bigint OR e.position >= $2::bigint + 1) AND (e.position <= $3::bigint OR e.position < $3::bigint + 1)`

/** One page between two places, of the events that an index holds by `keys`, of which the first is selected as `held_by`. */
const between = (direction: Direction, keys: string, values: string, more: string) => `(
  SELECT ${COLUMNS}, ${keys.split(', ')[0]} AS held_by FROM event AS e
  WHERE (${keys}, e.position) > (${values}, $2::bigint) AND (${keys}, e.position) <= (${values}, $3::bigint)
    AND ${IN_RANGE} AND ${more}
  ORDER BY ${[...keys.split(', '), 'e.position'].map((key) => `${key} ${direction}`).join(', ')} LIMIT $4)`

/** The events of the fleet's own vehicles, and those that it was the partner of. */
const asEither = (pages: (audience: string, more: string) => string) => `
  ${pages('e.owner_id', 'TRUE')} UNION ALL ${pages('e.partner_id', 'e.partner_id IS NOT NULL')}`

type Events = (direction: Direction) => string

/**
 * All events. Both branches have the fleet in the first column of their order, which the whole is ordered by, too: so PostgreSQL
 * merges them, and reads no further than the page goes.
 */
const ofAll: Events = (direction) => asEither((audience, more) => between(direction, audience, '$1', more))

const ofSome: Events = (direction) =>
  asEither((audience, more) => between(direction, audience, '$1', `${more} AND ${MATCHES}`))

/** The events of rare types: each type is one range of an index that leaves out the bulk of the log. */
const ofRareTypes: Events = (direction) =>
  asEither(
    (audience, more) =>
      `(SELECT e.* FROM unnest($7::text[]) AS wanted(type) CROSS JOIN LATERAL ${between(
        direction,
        `${audience}, e.type`,
        '$1, wanted.type',
        `${more} AND e.type <> 'STATE_RECORDED' AND ${MATCHES}`,
      )} AS e)`,
  )

/** The events of vehicles that were ever the fleet's own or shared with it; events of other vehicles are not read. */
const ofVehicles: Events = (direction) => `(SELECT e.* FROM (
    SELECT w.id FROM unnest($8::text[]) AS w(id)
    WHERE EXISTS (SELECT FROM vehicle AS v WHERE v.id = w.id AND v.owner_id = $1)
      OR EXISTS (SELECT FROM sharing AS s WHERE s.vehicle_id = w.id AND s.partner_id = $1)
  ) AS wanted(id) CROSS JOIN LATERAL ${between(
    direction,
    'e.vehicle_id',
    'wanted.id',
    // Written so that no index serves it: the index by vehicle is the right one, however rare the fleet is.
    `$1 = ANY (ARRAY[e.owner_id, e.partner_id]) AND ${MATCHES}`,
  )} AS e)`

/** The order of a page: by position, with `held_by` ahead of it where all events are held by one value. */
const orderOf = (isHeldByFleet: boolean, direction: Direction) =>
  `${isHeldByFleet ? `held_by ${direction}, ` : ''}position ${direction}`

const page = (events: Events, isHeldByFleet: boolean, direction: Direction) =>
  `SELECT * FROM (${events(direction)}) AS found ORDER BY ${orderOf(isHeldByFleet, direction)} LIMIT $4`

/**
 * A page from a place on, in one statement that also finds how far back the log begins, and so as of one instant: no page
 * misses events unnoticed. A page from the beginning on has none to miss. A page up to a place has its last event first, and
 * finds what is at the place, which is right behind $3; events that were removed for their age are before all others.
 */
const pages = (name: string, events: Events, isHeldByFleet: boolean, types: string) => ({
  fromPlace: {
    name: `fleet_log_${name}`,
    text: `SELECT ${PAGED.sql} FROM (
      SELECT CASE WHEN NOT ${hasKnown('$5', '$6')} THEN ${FOUND.knownMissing} ${foundAt('$2', lastRemoved(types))}) AS log
      LEFT JOIN (${page(events, isHeldByFleet, 'ASC')}) AS e ON TRUE ORDER BY e.position`,
  } satisfies Statement,
  fromBeginning: {
    name: `fleet_log_${name}_begin`,
    text: `SELECT ${LOGGED.sql} FROM (${page(events, isHeldByFleet, 'ASC')}) AS e
      ORDER BY ${orderOf(isHeldByFleet, 'ASC')}`,
  } satisfies Statement,
  upToPlace: {
    name: `fleet_log_${name}_last`,
    text: `SELECT ${PAGED.sql} FROM (
      SELECT CASE WHEN NOT ${hasKnown('$5', '$6')} THEN ${FOUND.knownMissing}
        ELSE COALESCE(${tagAt('$3::bigint + 1')}, ${FOUND.nothing}) END::bigint AS found) AS log
      LEFT JOIN (${page(events, isHeldByFleet, 'DESC')}) AS e ON TRUE ORDER BY e.position DESC`,
  } satisfies Statement,
})

/** The pages by filter; ofAll takes neither types nor vehicles. */
export const FLEET_LOG = {
  ofAll: pages('of_all', ofAll, true, 'NULL'),
  ofSome: pages('of_some', ofSome, true, '$7'),
  ofRareTypes: pages('of_rare_types', ofRareTypes, false, '$7'),
  ofVehicles: pages('of_vehicles', ofVehicles, false, '$7'),
} as const
