import { describe, expect, it } from 'vitest'
import {
  boolean,
  callback,
  count,
  either,
  having,
  type KindsOf,
  list,
  milliseconds,
  number,
  oneOf,
  readOptions,
  required,
  shape,
  string,
} from '../src/options.ts'

interface Options {
  readonly maxWaitMs?: number
  readonly slots?: number
  readonly ratio?: number
  readonly mode?: string
  readonly isOn?: boolean
  readonly on?: () => void
  readonly names?: readonly string[]
  readonly store?: object
  readonly budget?: unknown
  readonly key?: string
}

const KINDS: KindsOf<Options> = {
  maxWaitMs: milliseconds({ from: 0 }),
  slots: count({ from: 1, to: 10 }),
  ratio: number({ above: 0, below: 1 }),
  mode: oneOf('full', 'equal', 'none'),
  isOn: boolean,
  on: callback,
  names: list(string()),
  store: having('a store', 'get', 'add'),
  budget: either(
    number({ above: 0 }),
    shape<{ limit: number; period: string }>({ limit: required(number()), period: oneOf('day', 'month') }),
  ),
  key: { ...string('a key'), secret: true },
}

const FOREIGN = [[/^timeout$/, 'maxWaitMs']] as const

const readAny = (options: unknown): unknown => readOptions('thing', options as Options, KINDS, FOREIGN)

const wrong = (options: unknown): Error => {
  try {
    readAny(options)
  } catch (error) {
    return error as Error
  }
  throw new Error('nothing was wrong')
}

describe('what makes sense is read as it is', () => {
  it.each([
    [{}],
    [{ maxWaitMs: 0 }],
    [{ maxWaitMs: Infinity }],
    [{ slots: 1 }],
    [{ slots: 10 }],
    [{ ratio: 0.5 }],
    [{ mode: 'none' }],
    [{ isOn: false }],
    [{ names: [] }],
    [{ names: ['a', 'b'] }],
    [{ budget: 3 }],
    [{ budget: { limit: 3, period: 'day' } }],
    [{ key: 'sesame' }],
  ])('%j', (options) => {
    expect(readAny(options)).toEqual(options)
  })

  it('functions and instances, too; what is undefined is not given', () => {
    const store = new (class {
      get = (): number => 1
      add = (): number => 1
    })()
    const on = (): void => undefined
    expect(readAny({ store, on })).toEqual({ store, on })
    expect(readAny({ on: undefined })).toEqual({})
    expect(readAny(Object.create(null))).toEqual({})
  })
})

describe('what does not is named, by its path, with its value', () => {
  it.each([
    [{ maxWaitMs: -1 }, RangeError, /maxWaitMs .*0 or more.* -1$/],
    [{ maxWaitMs: NaN }, RangeError, /NaN$/],
    [{ maxWaitMs: '5' }, TypeError, /maxWaitMs .* '5'$/],
    [{ slots: 1.5 }, RangeError, /slots .*whole.* 1 or more and at most 10, got 1.5$/],
    [{ slots: 11 }, RangeError, /11$/],
    [{ slots: 0 }, RangeError, /0$/],
    [{ ratio: 0 }, RangeError, /above 0 and below 1, got 0$/],
    [{ ratio: 1 }, RangeError, /1$/],
    [{ mode: 'fulll' }, RangeError, /'full', 'equal', 'none', got 'fulll'$/],
    [{ mode: 1 }, TypeError, /got 1$/],
    [{ isOn: 'yes' }, TypeError, /isOn .*true or false, got string$/],
    [{ on: Symbol.iterator }, TypeError, /got Symbol\(Symbol.iterator\)$/],
    [{ names: ['a', 5] }, TypeError, /names\[1\] .*a string, got 5$/],
    [{ store: { get: () => 1 } }, TypeError, /store .*got object$/],
    [{ store: () => 1 }, TypeError, /got function store$/],
    [{ store: new Map() }, TypeError, /got object Map$/],
    [{ budget: 0 }, RangeError, /budget .*above 0 or .*, got 0$/],
    [{ budget: {} }, TypeError, /budget\.limit .*got undefined$/],
    [{ budget: { limit: 1, period: 'year' } }, RangeError, /budget\.period .*got 'year'$/],
    [{ key: 5 }, TypeError, /a key, got number$/],
    // What belongs in one of the options, in place of all of them.
    [5, TypeError, /options .*got 5; did you mean maxWaitMs\?$/],
    [true, TypeError, /options .*got true$/],
    [new Map(), TypeError, /object Map$/],
    [{ budget: 'day' }, TypeError, /budget .*; did you mean budget\.period\?$/],
  ] as const)('%j', (options, type, message) => {
    expect(wrong(options)).toBeInstanceOf(type)
    expect(wrong(options).message).toMatch(message)
  })
})

describe('an unknown name is told with the nearest there is', () => {
  it.each([
    [{ maxWait: 5 }, /maxWait .*did you mean maxWaitMs\?/],
    [{ max_wait_ms: 5 }, /did you mean maxWaitMs\?/],
    [{ solts: 5 }, /did you mean slots\?/],
    [{ timeout: 5 }, /did you mean maxWaitMs\?/],
    [{ limit: 5 }, /did you mean budget\.limit\?/],
    [{ perid: 'day' }, /unknown option perid \(string\); there are maxWaitMs, slots/],
    [{ budget: { limit: 5, slots: 1 } }, /budget\.slots .*did you mean slots of thing\?/],
    [{ budget: { limit: 5, perido: 'day' } }, /budget\.perido .*did you mean period\?/],
    [{ lim: 5 }, /there are/],
    [{ colour: 'sesame' }, /unknown option colour \(string\); there are/],
  ] as const)('%j', (options, message) => {
    expect(wrong(options)).toBeInstanceOf(TypeError)
    expect(wrong(options).message).toMatch(message)
  })
})
