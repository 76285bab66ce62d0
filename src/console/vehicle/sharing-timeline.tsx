import { useEffect, useState } from 'preact/hooks'
import type { Sharing } from '../api/documents.ts'
import { colorOf } from '../ui/fleet-color.ts'
import type { ColumnFleets } from '../ui/fleet-color.ts'
import { formatDistance, formatInstant } from '../ui/time.ts'

const WIDTH = 400
const HEIGHT = 58
const SPANS = [
  [5 * 60, '5 minutes'],
  [60 * 60, '1 hour'],
  [24 * 60 * 60, '1 day'],
  [30 * 24 * 60 * 60, '30 days'],
] as const

/** The current time in milliseconds, updated once a second. */
function useNow(): number {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [])
  return now
}

type Props = {
  readonly fleetName: string
  readonly sharings: readonly Sharing[]
  readonly columnFleets: ColumnFleets
  readonly ownerId: string | null
}

/**
 * A vehicle's past, present and future sharings as bars, with the present at two thirds of the width, and as a list
 * that says the same in words.
 */
export function SharingTimeline({ fleetName, sharings, columnFleets, ownerId }: Props) {
  const now = useNow()
  const [span, setSpan] = useState<number>(SPANS[0][0])
  const from = now - span * 1000 * (2 / 3)
  const x = (instant: number) => Math.max(-9, Math.min(WIDTH + 9, ((instant - from) / (span * 1000)) * WIDTH))
  const notCancelled = sharings.filter(({ phase }) => phase !== 'CANCELLED')
  return (
    <section class="timeline" aria-label={`Sharings, as ${fleetName} sees them`}>
      <header>
        <h4>Sharings</h4>
        <label>
          Span{' '}
          <select value={span} onChange={({ currentTarget }) => setSpan(Number(currentTarget.value))}>
            {SPANS.map(([seconds, name]) => (
              <option key={seconds} value={seconds}>
                {name}
              </option>
            ))}
          </select>
        </label>
      </header>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
        {ownerId !== null && (
          <rect
            class="bar"
            data-color={colorOf(columnFleets, ownerId)}
            x="0"
            y="18"
            width={WIDTH}
            height="5"
            rx="2.5"
          />
        )}
        {notCancelled.map((sharing) => {
          const start = x(Date.parse(sharing.startsAt))
          const end = sharing.endedAt ?? sharing.endsAt
          const width = Math.max(3, (end === null ? WIDTH + 9 : x(Date.parse(end))) - start)
          const color = colorOf(columnFleets, sharing.partner.id)
          return (
            <rect
              key={sharing.id}
              class={`bar ${sharing.phase}`}
              data-color={color}
              x={start}
              y="11"
              width={width}
              height="19"
              rx="4"
            />
          )
        })}
        <path class="now" d={`M${x(now)} 4V40`} />
        <text x={x(now)} y="53" text-anchor="middle">
          now
        </text>
        <text x="0" y="53">
          {formatInstant(new Date(from).toISOString(), now)}
        </text>
        <text x={WIDTH} y="53" text-anchor="end">
          {formatInstant(new Date(from + span * 1000).toISOString(), now)}
        </text>
      </svg>
      {sharings.length === 0 ? (
        <p class="hint">None yet.</p>
      ) : (
        <div class="sharings" role="group" aria-label={`Sharings of ${fleetName} in words`} tabIndex={0}>
          <ol>
            {sharings.map((sharing) => (
              <li key={sharing.id} class={sharing.phase}>
                <b data-color={colorOf(columnFleets, sharing.partner.id)}>{sharing.partner.name}</b>{' '}
                {describe(sharing, now)}
              </li>
            ))}
          </ol>
        </div>
      )}
    </section>
  )
}

function describe(sharing: Sharing, now: number): string {
  const { phase, startsAt, endsAt, endedAt, endReason, endRequestedAt, startAwaitedSince } = sharing
  const reason = (endReason ?? '').toLowerCase().replaceAll('_', ' ')
  switch (phase) {
    case 'SCHEDULED':
      if (startAwaitedSince !== null) return `due ${formatInstant(startsAt, now)}, once the vehicle is idle`
      return `from ${formatInstant(startsAt, now)} (${formatDistance(startsAt, now)})`
    case 'ACTIVE':
      if (endRequestedAt !== null) return `since ${formatInstant(startsAt, now)}, until the vehicle is idle`
      return `since ${formatInstant(startsAt, now)}, ${endsAt === null ? 'open end' : `due ${formatDistance(endsAt, now)}`}`
    case 'ENDED':
      return `${formatInstant(startsAt, now)} to ${formatInstant(endedAt ?? startsAt, now)}, ${reason}`
    case 'CANCELLED':
      return `from ${formatInstant(startsAt, now)}, ${reason}`
  }
}
