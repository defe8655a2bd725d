// Looks at the built site in headless Chromium: each preset of the lab ends with the numbers that it has in Node, within its budgets;
// an answer is explained as the command does; nothing is fetched from elsewhere, no error is on the console, axe finds nothing, and
// no page is wider than a phone. Pictures go to .report/site.
//     node docs/site/check/main.mjs [budgets | explain | presets | pages]
import { close, problems } from './browser.mjs'
import { tryBudgets } from './budgets.mjs'
import { tryExplain } from './explain.mjs'
import { tryPresets } from './lab.mjs'
import { tryPages } from './pages.mjs'

const PARTS = { budgets: tryBudgets, explain: tryExplain, presets: tryPresets, pages: tryPages }

const wanted = process.argv.slice(2)
for (const name of wanted) if (!Object.hasOwn(PARTS, name)) throw new RangeError(`there is no part ${name}`)
const counts = []
for (const [name, part] of Object.entries(PARTS))
  if (wanted.length === 0 || wanted.includes(name)) {
    const count = await part()
    if (count) counts.push(`${count} ${name}`)
  }
await close()
console.log([...counts, `${problems.count} problems`].join(', '))
process.exitCode = problems.count === 0 ? 0 : 1
