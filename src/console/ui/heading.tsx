import { useEffect, useRef } from 'preact/hooks'

/** A column's heading. With `takesFocus` it gets the focus: it has replaced the content in which the focus was. */
export function Heading({ text, takesFocus }: { readonly text: string; readonly takesFocus: boolean }) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    if (takesFocus) heading.current?.focus()
  }, [])
  return (
    <h2 ref={heading} tabIndex={-1}>
      {text}
    </h2>
  )
}
