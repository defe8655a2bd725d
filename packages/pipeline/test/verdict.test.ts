import { describe, expect, it } from 'vitest'
import { isKind, isMoney, KINDS, type KindRow, newVerdict, type VerdictKind } from '../src/index.ts'

const kinds = Object.keys(KINDS) as VerdictKind[]
const having = (fact: keyof KindRow): VerdictKind[] => kinds.filter((kind) => KINDS[kind][fact] === true)
const ownedBy = (owner: KindRow['owner']): VerdictKind[] => kinds.filter((kind) => KINDS[kind].owner === owner)

describe('the table of kinds', () => {
  it('says what each group of kinds is', () => {
    expect(having('transient')).toEqual([
      'rate-limited',
      'concurrency-limited',
      'overloaded',
      'server-error',
      'network',
      'timeout',
    ])
    expect(having('failure')).toEqual(['overloaded', 'server-error', 'network', 'timeout'])
    expect(having('limit')).toEqual(['quota-exhausted', 'rate-limited', 'concurrency-limited', 'overloaded'])
    expect(having('money')).toEqual(['billing', 'quota-exhausted'])
    expect(having('lost')).toEqual(['network', 'timeout', 'aborted'])
  })

  it('gives each kind that somebody can act on exactly one owner', () => {
    expect(ownedBy(undefined)).toEqual(['ok', 'empty', 'aborted'])
    expect(ownedBy('retry-after')).toEqual(['rate-limited', 'overloaded'])
    expect(ownedBy('concurrency-gate')).toEqual(['concurrency-limited'])
    expect(ownedBy('backoff-jitter')).toEqual(['server-error', 'network', 'timeout'])
    expect(ownedBy('credit-meter')).toEqual(having('money'))
  })

  it('knows no other kinds', () => {
    expect(kinds.every(isKind)).toBe(true)
    for (const none of ['toString', '', undefined, 429]) expect(isKind(none)).toBe(false)
    expect([isMoney('billing'), isMoney('threshold'), isMoney('constructor')]).toEqual([true, false, false])
  })
})

describe('a verdict', () => {
  const made = (kind: VerdictKind, more: Partial<Parameters<typeof newVerdict>[0]> = {}) =>
    newVerdict({ kind, receivedAt: 1000, evidence: '', ...more })

  it('is retryable if its kind is transient, unless the server or the judge says otherwise', () => {
    for (const kind of kinds) {
      const { owner, money, transient } = KINDS[kind]
      expect(made(kind).retryable).toBe(transient)
      // Whoever is out of money, has given up, or was served does not get more by being asked again.
      expect(made(kind, { hint: true }).retryable).toBe(owner !== undefined && !money)
      expect(made(kind, { hint: false, retryable: true }).retryable).toBe(false)
    }
    expect(made('server-error', { retryable: false }).retryable).toBe(false)
  })

  it('has the action of its kind, but where that is to repeat what must not be repeated, or not to repeat what may be', () => {
    for (const kind of kinds) expect(made(kind).action).toBe(KINDS[kind].action)
    expect(made('server-error', { retryable: false }).action).toBe('stop')
    expect(made('invalid', { hint: true }).action).toBe('retry')
    expect(made('network', { retryable: false }).action).toBe('fix')
  })

  it('is a refusal by the status, by the server’s own word in a header, and not by that in a body', () => {
    for (const status of [421, 425, 429]) expect(made('server-error', { status }).refused).toBe(true)
    const limits = { retryAfterMs: 1, windows: [] }
    expect(made('overloaded', { status: 503, limits }).refused).toBe(true)
    expect(made('overloaded', { status: 503, limits: { ...limits, retryAfterMs: 0 } }).refused).toBe(false)
    expect(made('overloaded', { status: 503 }).refused).toBe(false)
    expect(made('server-error', { status: 500, hint: true }).refused).toBe(true)
    expect(made('server-error', { status: 500, bodyHint: true })).toMatchObject({ refused: false, hint: true })
    expect(made('ok', { status: 200, hint: true })).toMatchObject({ refused: false, hint: undefined })
  })

  it('tells the moment of its wait', () => {
    expect(made('overloaded', { retryAfterMs: 500 }).retryAt).toEqual(new Date(1500))
    expect(made('overloaded').retryAt).toBeUndefined()
  })
})
