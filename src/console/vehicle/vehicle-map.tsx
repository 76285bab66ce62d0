import type { Vehicle } from '../api/documents.ts'
import { controllerOf } from '../api/fleet-view.ts'
import { colorOf } from '../ui/fleet-color.ts'
import type { ColumnFleets } from '../ui/fleet-color.ts'
import { MAP_HEIGHT, MAP_WIDTH, project } from './map-projection.ts'
import type { MapBounds } from './map-projection.ts'

/** The possible distances between two lines of the grid, in metres. */
const STEPS_M = [100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000]

type Props = {
  readonly fleetId: string
  readonly vehicles: readonly Vehicle[]
  /** null if no vehicle has a known position. */
  readonly bounds: MapBounds | null
  readonly columnFleets: ColumnFleets
  readonly selected: string
  readonly onSelect: (id: string) => void
}

/**
 * The vehicles' positions on a grid of metres. It is one image to screen readers and takes no keyboard input: the list
 * beside it offers the same vehicles.
 */
export function VehicleMap({ fleetId, vehicles, bounds, columnFleets, selected, onSelect }: Props) {
  const placed = vehicles.filter(({ state }) => state.position)
  if (!bounds)
    return (
      <p class="map empty">No vehicle has said where it is. “npm run demo” starts a server whose vehicles drive.</p>
    )
  const { metresPerPixel, x, y } = project(bounds)
  const step = STEPS_M.find((metres) => metres / metresPerPixel >= 48) ?? 1_000_000
  const gap = step / metresPerPixel
  // The selected vehicle is drawn last, so that no other covers it.
  const ordered = placed.toSorted((a, b) => Number(a.id === selected) - Number(b.id === selected))
  return (
    <svg class="map" viewBox={`0 0 ${MAP_WIDTH} ${MAP_HEIGHT}`} role="img" aria-label={summary(fleetId, placed)}>
      <Grid gap={gap} />
      {ordered.map((vehicle) => {
        const { latitude, longitude } = vehicle.state.position ?? { latitude: 0, longitude: 0 }
        const isSelected = vehicle.id === selected
        return (
          <g
            key={vehicle.id}
            class={isSelected ? 'marker selected' : 'marker'}
            data-color={colorOf(columnFleets, controllerOf(vehicle).id)}
            style={{ transform: `translate(${x(longitude).toFixed(1)}px, ${y(latitude).toFixed(1)}px)` }}
            onClick={() => onSelect(vehicle.id)}
          >
            <title>{`${vehicle.id} ${vehicle.name ?? ''}: ${controllerOf(vehicle).name}`}</title>
            {isSelected && <circle class="halo" r="15" />}
            <MarkerShape vehicle={vehicle} fleetId={fleetId} />
            {isSelected && (
              <text y="-20" text-anchor="middle">
                {vehicle.id}
              </text>
            )}
          </g>
        )
      })}
      <g class="scale" transform={`translate(14 ${MAP_HEIGHT - 14})`}>
        <path d={`M0 -5V0H${gap}V-5`} />
        <text x={gap + 8} y="1">
          {step < 1_000 ? `${step} m` : `${step / 1_000} km`}
        </text>
      </g>
    </svg>
  )
}

/** A dot for an own vehicle, a ring for one that is lent out, a diamond for a borrowed one: colour is not needed. */
function MarkerShape({ vehicle, fleetId }: { readonly vehicle: Vehicle; readonly fleetId: string }) {
  if (vehicle.fleet.id !== fleetId)
    return <rect class="dot" x="-6" y="-6" width="12" height="12" transform="rotate(45)" />
  return vehicle.sharing ? <circle class="ring" r="6" /> : <circle class="dot" r="5.5" />
}

function Grid({ gap }: { readonly gap: number }) {
  const lines = (length: number, middle: number) =>
    Array.from({ length: Math.ceil(length / gap) + 1 }, (_, n) => (middle % gap) + (n - 1) * gap)
  const vertical = lines(MAP_WIDTH, MAP_WIDTH / 2).map((at) => `M${at.toFixed(1)} 0V${MAP_HEIGHT}`)
  const horizontal = lines(MAP_HEIGHT, MAP_HEIGHT / 2).map((at) => `M0 ${at.toFixed(1)}H${MAP_WIDTH}`)
  return <path class="grid" d={[...vertical, ...horizontal].join('')} />
}

function summary(fleetId: string, placed: readonly Vehicle[]): string {
  const borrowed = placed.filter(({ fleet }) => fleet.id !== fleetId).length
  const lent = placed.filter(({ fleet, sharing }) => fleet.id === fleetId && sharing).length
  return `Map of ${placed.length} vehicles: ${placed.length - borrowed - lent} own, ${lent} lent out, ${borrowed} borrowed.`
}
