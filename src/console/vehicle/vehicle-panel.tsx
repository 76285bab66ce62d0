import { useEffect, useRef, useState } from 'preact/hooks'
import type { Fleet, Vehicle } from '../api/documents.ts'
import { controllerOf } from '../api/fleet-view.ts'
import type { FleetSession } from '../api/use-fleet.ts'
import { useVehicleDetails } from '../api/use-vehicle-details.ts'
import { colorOf } from '../ui/fleet-color.ts'
import type { ColumnFleets } from '../ui/fleet-color.ts'
import { SharingTimeline } from './sharing-timeline.tsx'
import { VehicleActions } from './vehicle-actions.tsx'
import type { Notice } from './vehicle-actions.tsx'

/**
 * This folder: the components that show vehicles, on a map, in a list, and one of them with its sharings and actions.
 * They get a fleet's session from their column and know nothing about columns.
 */

type Props = {
  readonly session: FleetSession
  readonly fleet: Fleet
  readonly columnFleets: ColumnFleets
  readonly selected: string
}

/**
 * The selected vehicle as one fleet sees it: readings, controller, sharings and actions; or that the fleet does not see
 * it.
 */
export function VehiclePanel({ session, fleet, columnFleets, selected }: Props) {
  const details = useVehicleDetails(session, selected)
  const vehicle = session.vehicles.find(({ id }) => id === selected)
  const sharings = details?.sharings.nodes ?? []
  const [lastNotice, setLastNotice] = useState<Notice | null>(null)
  const notice = lastNotice?.vehicleId === selected ? lastNotice : null
  useEffect(() => setLastNotice(null), [selected])
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    // The pressed button has disappeared together with the vehicle, and took the focus with it.
    if (notice && !vehicle && document.activeElement === document.body) heading.current?.focus()
  }, [notice, vehicle === undefined])
  return (
    <section class="panel" aria-label={`Vehicle ${selected}, as ${fleet.name} sees it`}>
      {vehicle ? (
        <VehicleHeader vehicle={vehicle} columnFleets={columnFleets} />
      ) : (
        <div class="vehicle-header">
          <h3 ref={heading} tabIndex={-1}>
            {selected}
          </h3>
          <p class="not-visible">
            {fleet.name} does not see this vehicle now: to it, {selected} does not exist
            {sharings.length > 0 ? '. The sharings that it was a party to stay.' : '.'}
          </p>
        </div>
      )}
      <SharingTimeline
        fleetName={fleet.name}
        sharings={sharings}
        columnFleets={columnFleets}
        ownerId={vehicle?.fleet.id ?? null}
      />
      {vehicle && details?.vehicle && (
        <VehicleActions
          key={selected}
          session={session}
          vehicle={details.vehicle}
          fleetName={fleet.name}
          onDone={setLastNotice}
        />
      )}
      <p class={notice?.isRefusal ? 'notice refused' : 'notice'} role="status">
        {notice?.text}
      </p>
    </section>
  )
}

/** The blockers of a handover, in words. */
const readable = (blockers: readonly string[]) => blockers.join(', ').toLowerCase().replaceAll('_', ' ')

function VehicleHeader({ vehicle, columnFleets }: { readonly vehicle: Vehicle; readonly columnFleets: ColumnFleets }) {
  const controller = controllerOf(vehicle)
  const { speedKmh, energyPercent, centralLock, ignition } = vehicle.state
  const readings: readonly (readonly [string, string | undefined])[] = [
    ['Speed', speedKmh ? `${Math.round(speedKmh.value)} km/h` : undefined],
    ['Energy', energyPercent ? `${Math.round(energyPercent.value)} %` : undefined],
    ['Doors', centralLock?.value.toLowerCase()],
    ['Ignition', ignition ? (ignition.value ? 'on' : 'off') : undefined],
    ['Handover', vehicle.idleness.idle ? 'idle' : readable(vehicle.idleness.blockedBy)],
  ]
  return (
    <div class="vehicle-header">
      <h3>
        {vehicle.id} <span>{[vehicle.name, vehicle.brand, vehicle.model].filter(Boolean).join(' · ')}</span>
      </h3>
      <p class="control" data-color={colorOf(columnFleets, controller.id)}>
        <b>{controller.name}</b> controls it
        {controller.id === vehicle.fleet.id ? '' : `; ${vehicle.fleet.name} owns it`}
      </p>
      <dl>
        {readings.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value ?? '–'}</dd>
          </div>
        ))}
      </dl>
    </div>
  )
}
