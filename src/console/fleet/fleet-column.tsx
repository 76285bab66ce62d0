import { useEffect } from 'preact/hooks'
import { useFleet } from '../api/use-fleet.ts'
import { Heading } from '../ui/heading.tsx'
import { VehicleList } from '../vehicle/vehicle-list.tsx'
import { FleetMap } from '../vehicle/vehicle-map.tsx'
import type { Frame } from '../vehicle/vehicle-map.tsx'
import type { Vehicle } from '../api/documents.ts'
import type { Sides } from '../ui/fleet-color.ts'
import { Stream } from './event-log.tsx'
import { VehiclePanel } from '../vehicle/vehicle-panel.tsx'

export type Seen = { readonly fleetId: string | null; readonly vehicles: readonly Vehicle[] }

type Props = {
  readonly token: string
  readonly side: 'a' | 'b'
  readonly focus: boolean
  readonly sides: Sides
  readonly frame: Frame | null
  readonly selected: string
  readonly onSelect: (id: string) => void
  /** What the columns have in common, such as the frame of the maps, is made of what each sees. */
  readonly onSeen: (seen: Seen) => void
  readonly onLeave: () => void
}

/** One fleet, from its own end. */
export function Column({ token, side, focus, sides, frame, selected, onSelect, onSeen, onLeave }: Props) {
  const view = useFleet(token)
  const { fleet, vehicles, hasMore, viewer, link, problem } = view
  useEffect(() => onSeen({ fleetId: fleet?.id ?? null, vehicles }), [fleet, vehicles])
  return (
    <section class="fleet" data-side={side} aria-label={fleet?.name ?? 'Fleet'}>
      <header>
        <Heading text={fleet?.name ?? 'Fleet'} focus={focus} />
        {fleet && <code>{fleet.id}</code>}
        <span class="roles">{viewer?.roles.join(', ').toLowerCase()}</span>
        <button type="button" onClick={onLeave}>
          Change fleet
        </button>
      </header>
      {fleet ? (
        <>
          <FleetMap fleetId={fleet.id} {...{ vehicles, frame, sides, selected, onSelect }} />
          <div class="split">
            <VehicleList name={`vehicle-${side}`} {...{ vehicles, hasMore, sides, selected, onSelect }} />
            <VehiclePanel {...{ view, fleet, sides, selected }} />
          </div>
          <Stream view={view} name={fleet.name} />
        </>
      ) : (
        <p class="hint" role="status">
          {link.is === 'over' ? link.reason : (problem ?? 'Connecting…')}
        </p>
      )}
    </section>
  )
}
