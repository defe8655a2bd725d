/**
 * The routes on which 404 means "no such record", and is an answer rather than a mistake: all of them, path patterns
 * (`:name` stands for one segment, `*` for one or more), or a function.
 */
export type Lookups = boolean | string | readonly string[] | ((request: { readonly url: string }) => boolean)

const segmentsOf = (path: string): readonly string[] => path.replace(/(?<=.)\/$/, '').split('/')

/** Segment by segment. After a mismatch the last `*` takes one segment more: no older one has to be asked again. */
const matches = (wanted: readonly string[], given: readonly string[]): boolean => {
  let i = 0
  let star = -1
  let taken = 0
  for (let j = 0; j < given.length; j++) {
    const segment = wanted[i]
    if (segment === '*') {
      star = i++
      taken = j
    } else if (segment !== undefined && (segment.startsWith(':') ? given[j] !== '' : segment === given[j])) {
      i++
    } else if (star >= 0) {
      i = star + 1
      j = ++taken
    } else return false
  }
  return i === wanted.length
}

const compile = (pattern: string): ((path: string) => boolean) => {
  if (!pattern.startsWith('/'))
    throw new TypeError(`classify: lookups must be paths that begin with "/", got "${pattern}"`)
  const wanted = segmentsOf(pattern)
  return (path) => matches(wanted, segmentsOf(path))
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
