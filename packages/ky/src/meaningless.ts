/** Throws for an option that others decide, and says who: it would be ignored. `of` is whose options they are, with a path. */
export const refuseMeaningless = (of: string, options: unknown, others: Readonly<Record<string, string>>): void => {
  const given = Object(options) as Readonly<Record<string, unknown>>
  for (const [name, instead] of Object.entries(others))
    if (Object.hasOwn(given, name) && given[name] !== undefined)
      throw new TypeError(`${of}${name} has no meaning here: ${instead}`)
}
