const told = new Set<string>()

/** Says something on the console, once per process and kind. */
export const warnOnce = (kind: string, message: string, ...details: readonly unknown[]): void => {
  if (told.has(kind)) return
  told.add(kind)
  console.warn(`aplomb: ${message}`, ...details)
}
