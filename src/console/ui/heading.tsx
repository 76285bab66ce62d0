import { useEffect, useRef } from 'preact/hooks'

/** What a column is about. `focus`: it has just taken the place of another, in which the focus was. */
export function Heading({ text, focus }: { readonly text: string; readonly focus: boolean }) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    if (focus) heading.current?.focus()
  }, [])
  return (
    <h2 ref={heading} tabIndex={-1}>
      {text}
    </h2>
  )
}
