import type { ComponentChildren } from 'preact'
import { useId } from 'preact/hooks'
import { ERROR_CODES } from '../../domain/errors.ts'
import type { Permission } from '../api/documents.ts'

type Button = { readonly name: string; readonly press: () => void; readonly isFirst?: boolean }
type ActionProps = {
  readonly name: string
  readonly may: Permission
  readonly buttons: readonly Button[]
  readonly children?: ComponentChildren
}

/** A thing to do, with what there is to choose; or, if it is not allowed, the code that the server would refuse it with. */
export function Action({ name, may, buttons, children }: ActionProps) {
  const id = useId()
  return (
    <div class="action" role="group" aria-label={name}>
      <span class="what" aria-hidden="true">
        {name}
      </span>
      {may.allowed ? (
        <div class="given">{children}</div>
      ) : (
        <p id={id} class="why">
          {may.code && (
            <>
              <code>{may.code}</code> {ERROR_CODES[may.code]}
            </>
          )}
        </p>
      )}
      {buttons.map(({ name, press, isFirst = false }) => (
        <button
          key={name}
          type="button"
          class={isFirst ? 'primary' : ''}
          // Not disabled: the focus stays where it is when what was done takes the right to do it again.
          aria-disabled={!may.allowed}
          aria-describedby={may.allowed ? undefined : id}
          onClick={() => may.allowed && press()}
        >
          {name}
        </button>
      ))}
    </div>
  )
}

type ChoiceProps<T> = {
  readonly label: string
  readonly value: T
  readonly options: readonly (readonly [T, string])[]
  readonly onChange: (value: T) => void
}

export function Choice<T extends string | number | null>({ label, value, options, onChange }: ChoiceProps<T>) {
  const choose = (index: number) => {
    const option = options[index]
    if (option) onChange(option[0])
  }
  return (
    <select
      aria-label={label}
      value={options.findIndex(([one]) => one === value)}
      onChange={({ currentTarget }) => choose(currentTarget.selectedIndex)}
    >
      {options.map(([, name], index) => (
        <option key={name} value={index}>
          {name}
        </option>
      ))}
    </select>
  )
}
