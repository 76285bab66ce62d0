/** The ids that this server gives, and some more: an id of any other form names nothing, and PostgreSQL refuses some. */
export const isId = (id: string): boolean => /^[\w-]{1,64}$/.test(id)
