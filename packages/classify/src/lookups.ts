import { boolean, callback, either, guarded, type Kind, list, string } from '@aplomb/pipeline'

/**
 * The routes on which 404 means "no such record", and is an answer rather than a mistake: all of them, path patterns
 * (`:name` stands for one segment, `*` for one or more), or a function. One that fails, or answers neither true nor false, says no.
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

const pathKind: Kind = { ...string('a path that begins with "/"', (value) => value.startsWith('/')), named: true }

/** What the option takes. */
export const lookupsKind: Kind = either(boolean, pathKind, list(pathKind, 'a list of such'), callback)

const compile = (pattern: string): ((path: string) => boolean) => {
  const wanted = segmentsOf(pattern)
  return (path) => matches(wanted, segmentsOf(path))
}

/** Makes a test for URLs out of the option. */
export const lookupTest = (lookups: Lookups | undefined): ((url: string) => boolean) => {
  if (lookups === undefined || typeof lookups === 'boolean') return () => lookups === true
  if (typeof lookups === 'function')
    return guarded((url: string) => lookups({ url }), {
      name: 'classify.lookups',
      answers: boolean,
      instead: 'a 404 is what it usually is',
      fallback: () => false,
    })
  const tests = [lookups].flat().map((pattern: string) => compile(pattern))
  return (url) => URL.canParse(url) && tests.some((test) => test(new URL(url).pathname))
}
