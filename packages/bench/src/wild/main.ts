import { casesIn, decisionOn } from './decision.ts'

const FILES = [
  ['limit-responses', true],
  ['limit-responses', false],
  ['limit-responses-2', false],
  ['limit-responses-2-relatives', false],
] as const

for (const [file, withRules] of FILES) {
  const cases = casesIn(file)
  let right = 0
  let read = 0
  const lines: string[] = []
  for (const one of cases) {
    const { name, wrong, misread, evidence } = await decisionOn(one, withRules)
    if (wrong.length === 0) right++
    if (misread.length === 0) read++
    if (wrong.length + misread.length > 0)
      lines.push(
        `  ${wrong.length > 0 ? 'WRONG' : 'read '} ${one.fault ?? ''} ${name}: ${[...wrong, ...misread].join('; ')} (${evidence})`,
      )
  }
  console.log(`${file}${withRules ? ' with rules' : ''}: ${right} of ${cases.length} right, ${read} read exactly`)
  if (lines.length > 0) console.log(lines.join('\n'))
}
