import { controllerOf } from '../api/use-fleet.ts'
import type { Vehicle } from '../api/documents.ts'
import { sideOf } from '../ui/fleet-color.ts'
import type { Sides } from '../ui/fleet-color.ts'

/** A part of the world, in degrees. */
export type Frame = {
  readonly south: number
  readonly west: number
  readonly north: number
  readonly east: number
}

const M_PER_DEGREE = 111_320
const WIDTH = 720
const HEIGHT = 280
/** The frame ends on lines of this grid, so that it does not follow every move. Metres. */
const FRAME_GRID_M = 250
/** Around the outermost vehicles, in squares of that grid. */
const MARGIN = 0.5
const STEPS_M = [100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000]

/** All vehicles whose place is known, with a margin, on the lines of a coarse grid. */
export function frameOf(vehicles: readonly Vehicle[]): Frame | null {
  const places = vehicles.flatMap(({ state }) => state.position ?? [])
  if (places.length === 0) return null
  const down = (degrees: number, unit: number) => Math.floor((degrees - unit * MARGIN) / unit) * unit
  const up = (degrees: number, unit: number) => Math.ceil((degrees + unit * MARGIN) / unit) * unit
  const high = FRAME_GRID_M / M_PER_DEGREE
  const latitudes = places.map(({ latitude }) => latitude)
  const longitudes = places.map(({ longitude }) => longitude)
  const wide = high / shrink((Math.min(...latitudes) + Math.max(...latitudes)) / 2)
  return {
    south: down(Math.min(...latitudes), high),
    north: up(Math.max(...latitudes), high),
    west: down(Math.min(...longitudes), wide),
    east: up(Math.max(...longitudes), wide),
  }
}

/** How much shorter a degree of longitude is. */
const shrink = (latitude: number) => Math.max(0.01, Math.cos((latitude * Math.PI) / 180))

/** A flat picture of the frame: good for a city, fair for a country. */
function project({ south, west, north, east }: Frame) {
  const narrow = shrink((south + north) / 2)
  const perPixel = Math.max(((east - west) * narrow * M_PER_DEGREE) / WIDTH, ((north - south) * M_PER_DEGREE) / HEIGHT)
  return {
    metresPerPixel: perPixel,
    x: (longitude: number) => WIDTH / 2 + ((longitude - (west + east) / 2) * narrow * M_PER_DEGREE) / perPixel,
    y: (latitude: number) => HEIGHT / 2 - ((latitude - (south + north) / 2) * M_PER_DEGREE) / perPixel,
  }
}

type Props = {
  readonly fleetId: string
  readonly vehicles: readonly Vehicle[]
  readonly frame: Frame | null
  readonly sides: Sides
  readonly selected: string
  readonly onSelect: (id: string) => void
}

/**
 * Where the vehicles are, on a grid of metres. The list beside it says the same in words and is for the keyboard; this is one
 * picture to those who cannot see it.
 */
export function FleetMap({ fleetId, vehicles, frame, sides, selected, onSelect }: Props) {
  const placed = vehicles.filter(({ state }) => state.position)
  if (!frame)
    return (
      <p class="map empty">No vehicle has said where it is. “npm run demo” starts a server whose vehicles drive.</p>
    )
  const { metresPerPixel, x, y } = project(frame)
  const step = STEPS_M.find((metres) => metres / metresPerPixel >= 48) ?? 1_000_000
  const gap = step / metresPerPixel
  // The chosen one last, so that no other covers it.
  const ordered = placed.toSorted((a, b) => Number(a.id === selected) - Number(b.id === selected))
  return (
    <svg class="map" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={summary(fleetId, placed)}>
      <Grid gap={gap} />
      {ordered.map((vehicle) => {
        const { latitude, longitude } = vehicle.state.position ?? { latitude: 0, longitude: 0 }
        const isSelected = vehicle.id === selected
        return (
          <g
            key={vehicle.id}
            class={isSelected ? 'marker selected' : 'marker'}
            data-side={sideOf(sides, controllerOf(vehicle).id)}
            style={{ transform: `translate(${x(longitude).toFixed(1)}px, ${y(latitude).toFixed(1)}px)` }}
            onClick={() => onSelect(vehicle.id)}
          >
            <title>{`${vehicle.id} ${vehicle.name ?? ''}: ${controllerOf(vehicle).name}`}</title>
            {isSelected && <circle class="halo" r="15" />}
            <Shape vehicle={vehicle} fleetId={fleetId} />
            {isSelected && (
              <text y="-20" text-anchor="middle">
                {vehicle.id}
              </text>
            )}
          </g>
        )
      })}
      <g class="scale" transform={`translate(14 ${HEIGHT - 14})`}>
        <path d={`M0 -5V0H${gap}V-5`} />
        <text x={gap + 8} y="1">
          {step < 1_000 ? `${step} m` : `${step / 1_000} km`}
        </text>
      </g>
    </svg>
  )
}

/** A dot is the fleet's own, a ring is lent out, a diamond is borrowed: no colour is needed to tell them apart. */
function Shape({ vehicle, fleetId }: { readonly vehicle: Vehicle; readonly fleetId: string }) {
  if (vehicle.fleet.id !== fleetId)
    return <rect class="dot" x="-6" y="-6" width="12" height="12" transform="rotate(45)" />
  return vehicle.sharing ? <circle class="ring" r="6" /> : <circle class="dot" r="5.5" />
}

function Grid({ gap }: { readonly gap: number }) {
  const lines = (length: number, middle: number) =>
    Array.from({ length: Math.ceil(length / gap) + 1 }, (_, n) => (middle % gap) + (n - 1) * gap)
  const down = lines(WIDTH, WIDTH / 2).map((at) => `M${at.toFixed(1)} 0V${HEIGHT}`)
  const across = lines(HEIGHT, HEIGHT / 2).map((at) => `M0 ${at.toFixed(1)}H${WIDTH}`)
  return <path class="grid" d={[...down, ...across].join('')} />
}

function summary(fleetId: string, placed: readonly Vehicle[]): string {
  const borrowed = placed.filter(({ fleet }) => fleet.id !== fleetId).length
  const lent = placed.filter(({ fleet, sharing }) => fleet.id === fleetId && sharing).length
  return `Map of ${placed.length} vehicles: ${placed.length - borrowed - lent} own, ${lent} lent out, ${borrowed} borrowed.`
}
