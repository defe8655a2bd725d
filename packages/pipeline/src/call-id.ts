let count = 0
let prefix: string | undefined
// Drawn late: Workers allow no randomness while a module loads.
/** An id for a call, unique where it runs. */
export const nextId = (): string => `${(prefix ??= Math.random().toString(36).slice(2, 8))}-${(++count).toString(36)}`
