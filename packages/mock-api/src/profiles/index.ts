export { anthropic } from './anthropic.ts'
export { openai } from './openai.ts'
