import { cases, leaks } from './check.ts'
import { changed, cutLeaks } from './texts.ts'
import { HARMLESS } from './harmless.ts'

const masked = changed()
console.log(`${HARMLESS.length - masked.length} of ${HARMLESS.length} harmless strings stay as they are`)
for (const one of masked) console.log(`  ${one}`)
const all = cases()
const found = await leaks(all)
console.log(`${found.length} of ${all.length} calls have written down something of a secret`)
for (const one of found.slice(0, 100)) console.log(`  ${one}`)
const cut = cutLeaks()
console.log(`${cut.length} leaks of secrets that were cut at any length`)
for (const one of cut) console.log(`  ${one}`)
