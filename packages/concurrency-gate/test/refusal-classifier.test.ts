import { describe, expect, it, vi } from 'vitest'
import { useFakeTime } from '../../aplomb/test/support/time.ts'
import { type Classifier, newClassifier } from '../src/refusal-classifier.ts'
import type { Sent } from '../src/sent.ts'

useFakeTime()

const setup = () => {
  const onWindow = vi.fn()
  return { onWindow, classifier: newClassifier(onWindow) }
}

const send = (classifier: Classifier, active = 4): Sent => {
  const one = { at: performance.now(), active, request: new Request('https://api.test/') }
  classifier.sent(one)
  return one
}

const refuse = (classifier: Classifier, one: Sent, active: number) => {
  const found = classifier.refused(one, active)
  classifier.ended(one)
  return found
}

const serve = (classifier: Classifier, one: Sent, active: number, limit = 4): boolean => {
  const shown = classifier.served(one, active, limit)
  classifier.ended(one)
  return shown
}

/** Four are sent, one is refused: the other three. */
const refusedAmongFour = (classifier: Classifier): readonly [Sent, Sent, Sent] => {
  const [first, ...others] = [send(classifier), send(classifier), send(classifier), send(classifier)] as const
  expect(refuse(classifier, first, 4)).toBeUndefined()
  return others
}

describe('a silent refusal among others', () => {
  it('awaits a success, drains to half of the limit, and is tested with one request', () => {
    const { classifier } = setup()
    const others = refusedAmongFour(classifier)
    expect([classifier.testing(), classifier.ready()]).toEqual([true, false])
    vi.advanceTimersByTime(50)
    serve(classifier, others[0], 4)
    expect([classifier.ready(), classifier.waitMs()]).toEqual([false, 50])
    serve(classifier, others[1], 3)
    expect(classifier.ready()).toBe(true)
    send(classifier, 2)
    expect([classifier.testing(), classifier.ready()]).toEqual([true, false])
  })

  it('drains for no longer than the first success has taken', () => {
    const { classifier } = setup()
    const others = refusedAmongFour(classifier)
    vi.advanceTimersByTime(50)
    serve(classifier, others[0], 4)
    vi.advanceTimersByTime(49)
    expect(classifier.ready()).toBe(false)
    vi.advanceTimersByTime(1)
    expect(classifier.ready()).toBe(true)
  })

  it('is tested once all others have ended, whatever became of them', () => {
    const { classifier } = setup()
    for (const one of refusedAmongFour(classifier)) classifier.ended(one)
    expect(classifier.ready()).toBe(true)
  })

  /** Everything but the test is answered. */
  const test = (classifier: Classifier): Sent => {
    for (const one of refusedAmongFour(classifier)) classifier.ended(one)
    return send(classifier, 1)
  }

  it('was for too many in flight if the test is served', () => {
    const { classifier, onWindow } = setup()
    expect(serve(classifier, test(classifier), 1)).toBe(true)
    expect([classifier.cause(), classifier.testing()]).toEqual(['in flight', false])
    expect(refuse(classifier, send(classifier), 4)).toBe('in flight')
    expect(onWindow).not.toHaveBeenCalled()
  })

  it('was a window if the test is refused', () => {
    const { classifier, onWindow } = setup()
    expect(refuse(classifier, test(classifier), 1)).toBe('window')
    expect([classifier.cause(), classifier.testing()]).toEqual(['window', false])
    expect(onWindow).toHaveBeenCalledOnce()
  })

  it('is tested anew if the test comes to nothing', () => {
    const { classifier } = setup()
    classifier.ended(test(classifier))
    expect(classifier.ready()).toBe(true)
  })
})

describe('a window', () => {
  it('is one where as many were served for two rounds', () => {
    const { classifier } = setup()
    for (let i = 0; i < 8; i++) serve(classifier, send(classifier), 4)
    expect(refuse(classifier, send(classifier), 4)).toBe('window')
  })

  it('is not one where those were served before a rest', () => {
    const { classifier } = setup()
    for (let i = 0; i < 8; i++) serve(classifier, send(classifier), 4)
    classifier.rest()
    expect(refuse(classifier, send(classifier), 4)).toBeUndefined()
  })

  it('is what has paused the key for a lone refusal three times', () => {
    const { classifier } = setup()
    const causes = [1, 2, 3].map(() => {
      expect(refuse(classifier, send(classifier, 1), 1)).toBe('alone')
      classifier.closed()
      return classifier.cause()
    })
    expect(causes).toEqual([undefined, undefined, 'window'])
  })
})
