/** What an option takes. */
export interface Kind {
  /** In words: "a number of milliseconds, 0 or more". */
  readonly takes: string
  /** Whether a value is of this sort at all: if not, that is a TypeError. */
  readonly is: (value: unknown) => boolean
  /** Whether one of this sort is in range: if not, that is a RangeError. */
  readonly fits?: ((value: never) => boolean) | undefined
  /** Reads what is in it. @default it is taken as it is */
  readonly read?: ((value: never, at: At) => unknown) | undefined
  /** The options in it. */
  readonly options?: Kinds | undefined
  /** Whether errors show strings: where there are names to choose from, nobody gives a secret. */
  readonly named?: boolean | undefined
  /** Whether errors show no value at all. */
  readonly secret?: boolean | undefined
  readonly required?: boolean | undefined
}

type Kinds = Readonly<Record<string, Kind>>

/** What each option takes: one that was forgotten here does not compile. */
export type KindsOf<Options> = { readonly [Name in keyof Options]-?: Kind }

/** Where a value stands. */
export interface At {
  /** Whose options these are. */
  readonly of: string
  readonly path: string
  readonly root: Kinds
  /** What others call options, by their path. */
  readonly foreign?: Foreign | undefined
}

/** What other libraries call an option (in lower case, without its unit), and the path of ours. */
export type Foreign = readonly (readonly [RegExp, string])[]

/** The bounds of a number. */
export interface Range {
  readonly from?: number
  readonly above?: number
  readonly to?: number
  readonly below?: number
}

const join = (path: string, name: string): string => (path ? `${path}.${name}` : name)

const or = (all: readonly string[]): string =>
  [all.slice(0, -1).join(', '), ...all.slice(-1)].filter(Boolean).join(' or ')

/** The prototype of `{}`, of any realm, or none at all. What others have on theirs would be lost. */
export const isPlain = (value: unknown): boolean => {
  if (typeof value !== 'object' || !value) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return !prototype || (Object.hasOwn(prototype, 'isPrototypeOf') && !Object.getPrototypeOf(prototype))
}

const shown = (value: unknown, { named, secret }: Partial<Kind>): string => {
  const type = typeof value
  if (type === 'function') return `function ${(value as { name: string }).name}`
  if (type === 'object' && value) {
    const tag = Object.prototype.toString.call(value).slice(8, -1)
    const name = tag === 'Object' ? value.constructor?.name : tag
    return name && name !== 'Object' ? `${type} ${name}` : type
  }
  if (secret && value != null) return type
  if (type !== 'string') return type === 'bigint' ? `${String(value)}n` : String(value)
  // It may be a secret, unless it is a number.
  return named || /^[\d.,-]{1,20}$/.test(value as string) ? `'${(value as string).slice(0, 40)}'` : type
}

/** How long the longer of two words is between what they begin and end with alike: 1 for a letter more, less or other. */
const difference = (one: string, other: string): number => {
  const longest = Math.max(one.length, other.length)
  const shortest = Math.min(one.length, other.length)
  let head = 0
  while (head < shortest && one[head] === other[head]) head++
  let tail = 0
  while (tail < shortest - head && one.at(-1 - tail) === other.at(-1 - tail)) tail++
  return longest - head - tail
}

/** A name without what is written in different ways: case, separators, unit. */
const bare = (name: string): string => name.toLowerCase().replace(/[^a-z\d]|(?<=.)(ms|bytes)$/g, '')

interface Found {
  readonly path: string
  readonly name: string
  readonly kind: Kind
  /** The options that it stands beside. */
  readonly level: Kinds
}

const all = (level: Kinds, path = ''): Found[] =>
  Object.entries(level).flatMap(([name, kind]) => {
    const one = { path: join(path, name), name, kind, level }
    return [one, ...all(kind.options ?? {}, one.path)]
  })

/** The nearest of all options there are: beside where it stands, else elsewhere, else by what others call it. */
const nearest = (given: string, level: Kinds, { root, foreign = [] }: At): Found | undefined => {
  const word = bare(given)
  const known = all(root)
  const score = ({ name, level: its }: Found): number =>
    name === given ? 0 : Math.min(difference(word, bare(name)), difference(given, name)) + (its === level ? 0 : 0.1)
  // Beside, two letters may be swapped; elsewhere, a short word would be near to too many.
  const near = known.filter((one) => score(one) < (one.level === level ? 2.1 : Math.max(0.1, (word.length - 3) / 2.5)))
  const path = near[0] ? '' : foreign.find(([pattern]) => pattern.test(word))?.[1]
  return (
    near.toSorted((a, b) => score(a) - score(b))[0] ??
    known.find((one) => one.level === level && path?.endsWith(`.${one.name}`)) ??
    known.find((one) => one.path === path)
  )
}

const unknown = (name: string, value: unknown, level: Kinds, at: At): Error => {
  const { of, path } = at
  const found = nearest(name, level, at)
  const where = found?.level === level ? found.name : found?.path
  const hint = found
    ? `did you mean ${where}${path && found.path === found.name ? ` of ${of}` : ''}? It takes ${found.kind.takes}`
    : `there are ${Object.keys(level).join(', ')}`
  return new TypeError(`${of}: unknown option ${join(path, name)} (${shown(value, found?.kind ?? {})}); ${hint}`)
}

/** Reads a value, or says what is wrong with it. */
export const read = (kind: Kind, value: unknown, at: At): unknown => {
  const isOfSort = kind.is(value)
  if (isOfSort && (kind.fits?.(value as never) ?? true)) return kind.read ? kind.read(value as never, at) : value
  // What belongs in one of the options, in place of all of them.
  const inner =
    isOfSort || typeof value === 'boolean'
      ? undefined
      : Object.entries(kind.options ?? {}).find(([, one]) => one.is(value))?.[0]
  throw new (isOfSort ? RangeError : TypeError)(
    `${at.of}: ${at.path || 'options'} must be ${kind.takes}, got ${shown(value, kind)}${inner ? `; did you mean ${join(at.path, inner)}?` : ''}`,
  )
}

const within = (kinds: Kinds, given: Readonly<Record<string, unknown>>, at: At): unknown => {
  for (const name of Object.keys(given)) if (!Object.hasOwn(kinds, name)) throw unknown(name, given[name], kinds, at)
  // Without a prototype: what somebody has put on that of all objects is nobody's option.
  const options = Object.create(null) as Record<string, unknown>
  for (const [name, kind] of Object.entries(kinds)) {
    const value = Object.hasOwn(given, name) ? given[name] : undefined
    if (value !== undefined || kind.required) options[name] = read(kind, value, { ...at, path: join(at.path, name) })
  }
  return options
}

/** Options in an option. */
export const shape = <Options>(options: KindsOf<Options>): Kind => ({
  takes: `a plain object with ${or(Object.keys(options))}`,
  is: isPlain,
  read: (value, at) => within(options, value, at),
  options,
})

/** The same, not to be left out. */
export const required = (kind: Kind): Kind => ({ ...kind, required: true })

/** A number; `Infinity`, too, unless the range ends below it. */
export const number = (
  range: Range = {},
  unit?: string,
  what: string = range.below === Infinity ? 'a finite number' : 'a number',
): Kind => {
  const { from = -Infinity, above = NaN, to = Infinity, below = NaN } = range
  const bounds = Object.entries(range)
    .filter(([, limit]) => Number.isFinite(limit))
    .map(([word, limit]) => (word === 'from' ? `${limit} or more` : `${word === 'to' ? 'at most' : word} ${limit}`))
  return {
    takes: `${what}${unit ? ` of ${unit}` : ''}${bounds.length > 0 ? `, ${bounds.join(' and ')}` : ''}`,
    is: (value) => typeof value === 'number',
    fits: (value: number) => value >= from && value <= to && !(value <= above) && !(value >= below),
  }
}

export const milliseconds = (range: Range = {}): Kind => number(range, 'milliseconds')

/** A whole number. */
export const count = (range: Range = {}, unit?: string): Kind => {
  const kind = number(range, unit, 'a whole number')
  return { ...kind, fits: (value: never) => Number.isInteger(value) && (kind.fits?.(value) ?? true) }
}

/** One of some strings, numbers or booleans. */
export const oneOf = (...names: readonly (string | number | boolean)[]): Kind => ({
  takes: `${names.length > 1 ? 'one of ' : ''}${names.map((name) => shown(name, { named: true })).join(', ')}`,
  is: (value) => names.some((name) => typeof name === typeof value),
  fits: (value: string) => names.includes(value),
  named: names.some((name) => typeof name === 'string'),
})

export const boolean: Kind = { ...oneOf(true, false), takes: 'true or false' }

/** A string that passes a test. */
export const string = (takes = 'a string', fits = (_value: string): boolean => true): Kind => ({
  takes,
  is: (value) => typeof value === 'string',
  fits,
})

export const callback: Kind = { takes: 'a function', is: (value) => typeof value === 'function' }

/** What has some methods, be it an instance of a class. */
export const having = (takes: string, ...methods: readonly string[]): Kind => ({
  takes,
  is: (value) =>
    value === Object(value) && methods.every((name) => typeof Reflect.get(value as object, name) === 'function'),
})

/** A list of values that each are of a kind. */
export const list = (kind: Kind, takes = `a list, each ${kind.takes}`): Kind => ({
  takes,
  is: Array.isArray,
  read: (values: readonly unknown[], at) =>
    Array.from(values, (value, i) => read(kind, value, { ...at, path: `${at.path}[${i}]` })),
  options: kind.options,
})

/** What one of some kinds takes. */
export const either = (...kinds: readonly Kind[]): Kind => {
  const kindOf = (value: unknown): Kind | undefined => kinds.find(({ is }) => is(value))
  return {
    takes: or(kinds.map(({ takes }) => takes)),
    is: (value) => kindOf(value) !== undefined,
    fits: (value) => kindOf(value)?.fits?.(value) ?? true,
    read: (value, at) => kindOf(value)?.read?.(value, at) ?? value,
    named: kinds.some(({ named }) => named),
    secret: kinds.some(({ secret }) => secret),
    options: kinds.find(({ options }) => options)?.options,
  }
}

/**
 * Checks options, at every depth, and returns those that are the object's own, those of its objects likewise: defaults
 * go into the destructuring. `undefined` is "not given".
 *
 * @throws {TypeError | RangeError} for what is unknown or makes no sense. The error names the option by its path, the
 * value, what is accepted, and the nearest option there is, also by what others call it.
 * @example
 * const { maxWaitMs = 60_000 } = readOptions('retryAfter', options, { maxWaitMs: milliseconds({ from: 0 }) })
 */
export const readOptions = <Options extends object>(
  of: string,
  options: Options,
  kinds: KindsOf<Options>,
  foreign?: Foreign,
): Options => read(shape(kinds), options, { of, path: '', root: kinds, foreign }) as Options
