import { casesIn, type Decision, decisionOn } from './decision.ts'

const FILES = [
  ['limit-responses', true],
  ['limit-responses'],
  ['limit-responses-2'],
  ['limit-responses-2-relatives'],
  ['unprepared'],
] as const

for (const [file, withRules] of FILES) {
  const cases = casesIn(file)
  let right = 0
  let read = 0
  const lines: string[] = []
  for (const one of cases) {
    const { name, wrong, misread, evidence } = await decisionOn(one, { withRules })
    const again: Partial<Decision> = one.expect.post === undefined ? {} : await decisionOn(one, { method: 'POST' })
    const faults = [...wrong, ...(again.wrong ?? []).map((fault) => `as a POST ${fault}`)]
    if (faults.length === 0) right++
    if (misread.length === 0) read++
    if (faults.length + misread.length > 0)
      lines.push(
        `  ${faults.length > 0 ? 'WRONG' : 'read '} ${one.fault ?? ''} ${name}: ${[...faults, ...misread].join('; ')} (${evidence})`,
      )
  }
  console.log(`${file}${withRules ? ' with rules' : ''}: ${right} of ${cases.length} right, ${read} read exactly`)
  if (lines.length > 0) console.log(lines.join('\n'))
}
