/**
 * The routes on which 404 means "no such record", and is an answer rather than a mistake: all of them, path patterns
 * (`:name` stands for one segment, `*` for any number of them), or a function.
 */
export type Lookups = boolean | string | readonly string[] | ((request: { readonly url: string }) => boolean)

const compile = (pattern: string): ((path: string) => boolean) => {
  if (!pattern.startsWith('/'))
    throw new TypeError(`classify: lookups must be paths that begin with "/", got "${pattern}"`)
  const wanted = pattern.replace(/(?<=.)\/$/, '').split('/')
  return (path) => {
    const given = path.replace(/(?<=.)\/$/, '').split('/')
    // Segment by segment; `*` swallows as many as leave enough for the rest of the pattern.
    const from = (i: number, j: number): boolean => {
      if (i === wanted.length) return j === given.length
      const segment = wanted[i]!
      if (segment === '*')
        return i === wanted.length - 1 ? j < given.length : given.slice(j).some((_, k) => from(i + 1, j + k + 1))
      if (j === given.length) return false
      return (segment.startsWith(':') ? given[j] !== '' : segment === given[j]) && from(i + 1, j + 1)
    }
    return from(0, 0)
  }
}

/** Makes a test for URLs out of the option. */
export const lookupTest = (lookups: Lookups | undefined): ((url: string) => boolean) => {
  if (lookups === undefined || lookups === false) return () => false
  if (lookups === true) return () => true
  if (typeof lookups === 'function') return (url) => lookups({ url })
  if (typeof lookups !== 'string' && !Array.isArray(lookups)) {
    throw new TypeError(`classify: lookups must be true, paths or a function, got ${typeof lookups}`)
  }
  const tests = [lookups].flat().map((pattern: string) => compile(pattern))
  return (url) => URL.canParse(url) && tests.some((test) => test(new URL(url).pathname))
}
