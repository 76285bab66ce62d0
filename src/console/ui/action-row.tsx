import type { ComponentChildren } from 'preact'
import { useId } from 'preact/hooks'
import { ERROR_CODES } from '../../domain/errors.ts'
import type { Permission } from '../api/documents.ts'

type Button = { readonly name: string; readonly onPress: () => void; readonly isPrimary?: boolean }
type ActionRowProps = {
  readonly name: string
  readonly permission: Permission
  readonly buttons: readonly Button[]
  readonly children?: ComponentChildren
}

/** An action with its options and buttons; if it is not allowed, the server's reason stands in place of the options. */
export function ActionRow({ name, permission, buttons, children }: ActionRowProps) {
  const id = useId()
  return (
    <div class="action" role="group" aria-label={name}>
      <span class="action-name" aria-hidden="true">
        {name}
      </span>
      {permission.allowed ? (
        <div class="action-options">{children}</div>
      ) : (
        <p id={id} class="action-refusal">
          {permission.code && (
            <>
              <code>{permission.code}</code> {ERROR_CODES[permission.code]}
            </>
          )}
        </p>
      )}
      {buttons.map(({ name, onPress, isPrimary = false }) => (
        <button
          key={name}
          type="button"
          class={isPrimary ? 'primary' : ''}
          // aria-disabled, not disabled: the button keeps the focus when its own action ends the permission.
          aria-disabled={!permission.allowed}
          aria-describedby={permission.allowed ? undefined : id}
          onClick={() => permission.allowed && onPress()}
        >
          {name}
        </button>
      ))}
    </div>
  )
}

type SelectProps<T> = {
  readonly label: string
  readonly value: T
  readonly options: readonly (readonly [T, string])[]
  readonly onChange: (value: T) => void
}

/** A select element for values of any simple type; each option is a value and its text. */
export function Select<T extends string | number | null>({ label, value, options, onChange }: SelectProps<T>) {
  const select = (index: number) => {
    const option = options[index]
    if (option) onChange(option[0])
  }
  return (
    <select
      aria-label={label}
      value={options.findIndex(([one]) => one === value)}
      onChange={({ currentTarget }) => select(currentTarget.selectedIndex)}
    >
      {options.map(([, name], index) => (
        <option key={name} value={index}>
          {name}
        </option>
      ))}
    </select>
  )
}
