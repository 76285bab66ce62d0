import { useEffect, useState } from 'preact/hooks'
import type { Sharing } from '../api/documents.ts'
import { sideOf } from '../ui/fleet-color.ts'
import type { Sides } from '../ui/fleet-color.ts'
import { clock, distance } from '../ui/time.ts'

const WIDTH = 400
const HEIGHT = 58
const SPANS = [
  [5 * 60, '5 minutes'],
  [60 * 60, '1 hour'],
  [24 * 60 * 60, '1 day'],
  [30 * 24 * 60 * 60, '30 days'],
] as const

/** The present, once a second. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [])
  return now
}

type Props = {
  readonly name: string
  readonly sharings: readonly Sharing[]
  readonly sides: Sides
  readonly ownerId: string | null
}

/** Who has had, has and will have a vehicle; two thirds of the picture are past. The list below says the same in words. */
export function Timeline({ name, sharings, sides, ownerId }: Props) {
  const now = useNow()
  const [span, setSpan] = useState<number>(SPANS[0][0])
  const from = now - span * 1000 * (2 / 3)
  const x = (instant: number) => Math.max(-9, Math.min(WIDTH + 9, ((instant - from) / (span * 1000)) * WIDTH))
  const lasted = sharings.filter(({ phase }) => phase !== 'CANCELLED')
  return (
    <section class="timeline" aria-label={`Sharings, as ${name} sees them`}>
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
          <rect class="bar" data-side={sideOf(sides, ownerId)} x="0" y="18" width={WIDTH} height="5" rx="2.5" />
        )}
        {lasted.map((sharing) => {
          const start = x(Date.parse(sharing.startsAt))
          const end = sharing.endedAt ?? sharing.endsAt
          const width = Math.max(3, (end === null ? WIDTH + 9 : x(Date.parse(end))) - start)
          const side = sideOf(sides, sharing.partner.id)
          return (
            <rect
              key={sharing.id}
              class={`bar ${sharing.phase}`}
              data-side={side}
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
          {clock(new Date(from).toISOString(), now)}
        </text>
        <text x={WIDTH} y="53" text-anchor="end">
          {clock(new Date(from + span * 1000).toISOString(), now)}
        </text>
      </svg>
      {sharings.length === 0 ? (
        <p class="hint">None yet.</p>
      ) : (
        <div class="sharings" role="group" aria-label={`Sharings of ${name} in words`} tabIndex={0}>
          <ol>
            {sharings.map((sharing) => (
              <li key={sharing.id} class={sharing.phase}>
                <b data-side={sideOf(sides, sharing.partner.id)}>{sharing.partner.name}</b> {inWords(sharing, now)}
              </li>
            ))}
          </ol>
        </div>
      )}
    </section>
  )
}

function inWords({ phase, startsAt, endsAt, endedAt, endReason, endRequestedAt }: Sharing, now: number): string {
  const reason = (endReason ?? '').toLowerCase().replaceAll('_', ' ')
  switch (phase) {
    case 'SCHEDULED':
      return `from ${clock(startsAt, now)} (${distance(startsAt, now)})`
    case 'ACTIVE':
      if (endRequestedAt !== null) return `since ${clock(startsAt, now)}, until the vehicle is idle`
      return `since ${clock(startsAt, now)}, ${endsAt === null ? 'open end' : `due ${distance(endsAt, now)}`}`
    case 'ENDED':
      return `${clock(startsAt, now)} to ${clock(endedAt ?? startsAt, now)}, ${reason}`
    case 'CANCELLED':
      return `from ${clock(startsAt, now)}, ${reason}`
  }
}
