import { expect, test } from 'vitest'
import { LLM_MODES, runLlmMode } from '../src/sim/llm-modes.ts'

const name = (mode: (typeof LLM_MODES)[number]): string => `${mode.vendor}${mode.streamed ? ', streamed' : ''}`

test.each(LLM_MODES.map((mode) => ({ name: name(mode), mode })))(
  '$name: 400 chat calls take 0.93 of the tokens there are, with 1.03 requests for each answer',
  async ({ mode }) => {
    const { answered, sentPerAnswer, share } = await runLlmMode(mode, 1)
    expect(answered).toBe(400)
    expect(share).toBeGreaterThanOrEqual(0.93)
    expect(sentPerAnswer).toBeLessThanOrEqual(1.03)
  },
)
