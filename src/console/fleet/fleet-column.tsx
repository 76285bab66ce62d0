import { useEffect } from 'preact/hooks'
import type { Vehicle } from '../api/documents.ts'
import { useFleet } from '../api/use-fleet.ts'
import type { ColumnFleets } from '../ui/fleet-color.ts'
import { Heading } from '../ui/heading.tsx'
import type { MapBounds } from '../vehicle/map-projection.ts'
import { VehicleList } from '../vehicle/vehicle-list.tsx'
import { VehicleMap } from '../vehicle/vehicle-map.tsx'
import { VehiclePanel } from '../vehicle/vehicle-panel.tsx'
import { EventLog } from './event-log.tsx'

/**
 * This folder: a column of the page, from the choice of its fleet to the list of that fleet's events.
 */

/**
 * The part of a column's data that the page needs for both columns: colours, the bounds of the maps, and the selection.
 */
export type ColumnData = { readonly fleetId: string | null; readonly vehicles: readonly Vehicle[] }

type Props = {
  readonly token: string
  readonly column: 'a' | 'b'
  readonly takesFocus: boolean
  readonly columnFleets: ColumnFleets
  readonly bounds: MapBounds | null
  readonly selected: string
  readonly onSelect: (id: string) => void
  readonly onData: (data: ColumnData) => void
  readonly onChangeFleet: () => void
}

/** Everything that one fleet sees: its vehicles on a map and in a list, the selected vehicle, and its events. */
export function FleetColumn({
  token,
  column,
  takesFocus,
  columnFleets,
  bounds,
  selected,
  onSelect,
  onData,
  onChangeFleet,
}: Props) {
  const session = useFleet(token)
  const { fleet, vehicles, hasMore, viewer, connection, error } = session
  useEffect(() => onData({ fleetId: fleet?.id ?? null, vehicles }), [fleet, vehicles])
  return (
    <section class="fleet" data-color={column} aria-label={fleet?.name ?? 'Fleet'}>
      <header>
        <Heading text={fleet?.name ?? 'Fleet'} takesFocus={takesFocus} />
        {fleet && <code>{fleet.id}</code>}
        <span class="roles">{viewer?.roles.join(', ').toLowerCase()}</span>
        <button type="button" onClick={onChangeFleet}>
          Change fleet
        </button>
      </header>
      {fleet ? (
        <>
          <VehicleMap fleetId={fleet.id} {...{ vehicles, bounds, columnFleets, selected, onSelect }} />
          <div class="vehicles">
            <VehicleList name={`vehicle-${column}`} {...{ vehicles, hasMore, columnFleets, selected, onSelect }} />
            <VehiclePanel {...{ session, fleet, columnFleets, selected }} />
          </div>
          <EventLog session={session} fleetName={fleet.name} />
        </>
      ) : (
        <p class="hint" role="status">
          {connection.status === 'ended' ? connection.reason : (error ?? 'Connecting…')}
        </p>
      )}
    </section>
  )
}
