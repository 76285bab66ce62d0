import { useMutation, useQuery } from '@apollo/client/react'
import { useState } from 'react'
import { Detail as Query, StartSharing } from './operations.ts'

/** A vehicle with its sharings, and what may be done with it. */
export function Detail({ id }: { readonly id: string }) {
  const { data, error } = useQuery(Query, { variables: { id } })
  const [start] = useMutation(StartSharing)
  const [refusal, setRefusal] = useState<string | null>(null)
  if (error) return <p role="alert">{error.message}</p>
  if (!data) return <p>…</p>
  const { vehicle, sharingPartners } = data
  if (!vehicle) return <p>This vehicle is out of sight.</p>
  const { allowed, code } = vehicle.viewerCan.startSharing

  /** Shows at once what is asked for; what is refused is taken back by Apollo, for the answer does not confirm it. */
  async function lend(partner: { readonly id: string; readonly name: string }): Promise<void> {
    if (!vehicle) return
    setRefusal(null)
    const sharing = { __typename: 'Sharing', id: 'to be', partner: { __typename: 'Fleet', ...partner } } as const
    const { data: answer } = await start({
      variables: { input: { vehicleId: id, fleetId: partner.id } },
      optimisticResponse: { startSharing: { __typename: 'StartSharingSuccess', vehicle: { ...vehicle, sharing } } },
    })
    const result = answer?.startSharing
    if (result && 'code' in result) setRefusal(`${result.code}: ${result.message}`)
  }

  return (
    <section aria-label="Vehicle">
      <h2>{vehicle.name ?? vehicle.id}</h2>
      <p>{vehicle.sharing ? `In the hands of ${vehicle.sharing.partner.name}` : 'At home'}</p>
      {sharingPartners.nodes.map((partner) => (
        <button key={partner.id} disabled={!allowed} title={code ?? ''} onClick={() => void lend(partner)}>
          Lend to {partner.name}
        </button>
      ))}
      {refusal !== null && <p role="alert">{refusal}</p>}
      <ol aria-label="Sharings">
        {vehicle.sharings.nodes.map((sharing) => (
          <li key={sharing.id}>
            {sharing.phase}: {sharing.partner.name}
          </li>
        ))}
      </ol>
    </section>
  )
}
