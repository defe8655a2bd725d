import { describe, expect, it } from 'vitest'
import { casesIn, decisionOn, type Trial } from '../src/wild/decision.ts'

/** The names of the cases on which something else was done than should be. */
const wrongIn = async (file: string, trial?: Trial): Promise<string[]> => {
  const names: string[] = []
  for (const one of casesIn(file)) {
    const { name, wrong } = await decisionOn(one, trial)
    if (wrong.length > 0) names.push(`${name}: ${wrong.join(', ')}`)
  }
  return names
}

describe('answers from public reports are acted on as they should be', () => {
  it('limit-responses: without rules, all but the three limits inside a 200', async () => {
    expect(await wrongIn('limit-responses', { withRules: true })).toEqual([])
    expect(await wrongIn('limit-responses')).toEqual([
      expect.stringMatching(/^azure-openai: 200-/),
      expect.stringMatching(/^google-maps: 200-/),
      expect.stringMatching(/^shopify-graphql: 200-/),
    ])
  })

  it('limit-responses-2: all but the 204 that nothing tells from an empty answer', async () => {
    expect(await wrongIn('limit-responses-2')).toEqual([expect.stringMatching(/^virustotal-v2: 204-/)])
  })

  it('limit-responses-2-relatives: all', async () => {
    expect(await wrongIn('limit-responses-2-relatives')).toEqual([])
  })

  it.each(['GET', 'POST'] as const)('unprepared: all, also of a %s', async (method) => {
    expect(await wrongIn('unprepared', { method })).toEqual([])
  })

  it('unprepared: kind and wait of each are read', async () => {
    const misread: string[] = []
    for (const one of casesIn('unprepared')) misread.push(...(await decisionOn(one)).misread)
    expect(misread).toEqual([])
  })
})
