export { anthropic } from './anthropic.ts'
export { github } from './github.ts'
export { google } from './google.ts'
export { openai } from './openai.ts'
