import { useState } from 'preact/hooks'
import { Heading } from '../ui/heading.tsx'

/** A fleet of the demo world, with a token that the development server issued. */
export type DemoFleet = { readonly name: string; readonly token: string }

type Props = {
  readonly column: 'a' | 'b'
  readonly takesFocus: boolean
  readonly demoFleets: readonly DemoFleet[]
  readonly onPick: (token: string) => void
}

/**
 * The choice of a column's fleet: one of the demo world, or the fleet of an access token, which is not stored anywhere.
 */
export function FleetPicker({ column, takesFocus, demoFleets, onPick }: Props) {
  const [token, setToken] = useState('')
  return (
    <section
      class="fleet picker"
      data-color={column}
      aria-label={`Choose the ${column === 'a' ? 'first' : 'second'} fleet`}
    >
      <Heading text={column === 'a' ? 'First fleet' : 'Second fleet'} takesFocus={takesFocus} />
      {demoFleets.length > 0 && (
        <p>
          {demoFleets.map(({ name, token }) => (
            <button key={name} type="button" class="primary" onClick={() => onPick(token)}>
              {name}
            </button>
          ))}
        </p>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault()
          if (token.trim() !== '') onPick(token.trim().replace(/^Bearer\s+/i, ''))
        }}
      >
        <label>
          Access token
          <input
            type="password"
            autocomplete="off"
            spellcheck={false}
            value={token}
            onInput={({ currentTarget }) => setToken(currentTarget.value)}
          />
        </label>
        <button type="submit">Follow</button>
      </form>
      <p class="hint">The token stays in this page, and is forgotten with it.</p>
    </section>
  )
}
