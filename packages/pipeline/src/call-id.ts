let count = 0
let prefix: string | undefined

/** Not by `Math.random`: where somebody else decides what that gives, a first call would take what the second one gets. */
const newPrefix = (): string => {
  const [random = 0] = crypto.getRandomValues(new Uint32Array(1))
  return random.toString(36).padStart(6, '0').slice(-6)
}

// Drawn late: Workers allow no randomness while a module loads.
/** An id for a call, unique where it runs. */
export const nextId = (): string => `${(prefix ??= newPrefix())}-${(++count).toString(36)}`
