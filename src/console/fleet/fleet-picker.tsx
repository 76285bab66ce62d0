import { useState } from 'preact/hooks'
import { Heading } from '../ui/heading.tsx'

/** A fleet of the demo world, with a token of the development issuer. */
export type Offer = { readonly name: string; readonly token: string }

type Props = {
  readonly side: 'a' | 'b'
  readonly focus: boolean
  readonly offers: readonly Offer[]
  readonly onEnter: (token: string) => void
}

/** Who is to be looked at in a column: a fleet of the demo world, or whoever a token speaks for. It is kept nowhere. */
export function Entry({ side, focus, offers, onEnter }: Props) {
  const [token, setToken] = useState('')
  return (
    <section class="fleet entry" data-side={side} aria-label={`Choose the ${side === 'a' ? 'first' : 'second'} fleet`}>
      <Heading text={side === 'a' ? 'First fleet' : 'Second fleet'} focus={focus} />
      {offers.length > 0 && (
        <p>
          {offers.map((offer) => (
            <button key={offer.name} type="button" class="primary" onClick={() => onEnter(offer.token)}>
              {offer.name}
            </button>
          ))}
        </p>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault()
          if (token.trim() !== '') onEnter(token.trim().replace(/^Bearer\s+/i, ''))
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
