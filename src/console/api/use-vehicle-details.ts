import { useEffect, useState } from 'preact/hooks'
import { query } from './client.ts'
import { VehicleDetailsQuery } from './documents.ts'
import type { VehicleDetails } from './documents.ts'
import type { FleetSession } from './use-fleet.ts'

/** A vehicle's sharings and permissions, loaded again whenever the fleet's data changes; null until they are known. */
export function useVehicleDetails({ api, revision }: FleetSession, id: string): VehicleDetails | null {
  const [details, setDetails] = useState<{ readonly id: string; readonly data: VehicleDetails } | null>(null)
  useEffect(() => {
    let isStale = false
    query(api, VehicleDetailsQuery, { id }).then(
      (data) => !isStale && setDetails({ id, data }),
      // Not shown here: the section of events says why the server cannot be reached.
      () => {},
    )
    return () => {
      isStale = true
    }
  }, [api, revision, id])
  return details?.id === id ? details.data : null
}
