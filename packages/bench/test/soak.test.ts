import { describe, expect, it } from 'vitest'
import { compare, type Sample, SAMPLES } from '../src/soak/sample.ts'

const steady: Sample = { atMs: 0, heapBytes: 20_000_000, sockets: 0, timers: 0, listeners: 4, counted: 0 }

/** A sample each second; `change` says what is different in the one of that index. */
const series = (length: number, change: (index: number) => Partial<Sample> = () => ({})): Sample[] =>
  Array.from({ length }, (_, index) => ({ ...steady, atMs: index * 1000, ...change(index) }))

const grown = (samples: readonly Sample[], fromMs = 0) =>
  compare(samples, fromMs)
    .filter(({ flat }) => !flat)
    .map(({ figure }) => figure)

describe('the soak compares what is left after the first minutes with what is left at the end', () => {
  it('and is content where nothing has grown', () => {
    expect(grown(series(40))).toEqual([])
    expect(grown(series(40, (index) => ({ heapBytes: 20_000_000 - index * 1000 })))).toEqual([])
  })

  it('takes medians of ten: what one sample shows is no leak', () => {
    const spikes = series(40, (index) => (index % 10 < 4 ? { sockets: 3, heapBytes: 90_000_000 } : {}))
    expect(grown(spikes)).toEqual([])
  })

  it.each(['sockets', 'timers', 'listeners', 'counted'] as const)('finds a single one of %s that stays', (figure) => {
    expect(grown(series(40, (index) => ({ [figure]: steady[figure] + (index < 20 ? 0 : 1) })))).toEqual([figure])
  })

  it('finds a heap that grows by more than 2 %', () => {
    const growing = (bytes: number) => series(40, (index) => ({ heapBytes: 20_000_000 + (index < 20 ? 0 : bytes) }))
    expect(grown(growing(400_000))).toEqual([])
    expect(grown(growing(400_001))).toEqual(['heapBytes'])
  })

  it('does not count how it began', () => {
    expect(
      grown(
        series(40, (index) => ({ heapBytes: index < 15 ? 1_000_000 : 20_000_000 })),
        15_000,
      ),
    ).toEqual([])
  })

  it('refuses to say anything of too few samples', () => {
    expect(() => compare(series(2 * SAMPLES - 1), 0)).toThrow(/run for longer/)
    expect(compare(series(2 * SAMPLES), 0)).toHaveLength(5)
  })
})
