import { cases, leaks } from './check.ts'
import { HARMLESS } from './harmless.ts'
import { HARMLESS_SPEECH, TOLD_SECRETS } from './speech.ts'
import { changed, cutLeaks, toldLeaks } from './texts.ts'

const masked = changed()
console.log(`${HARMLESS.length - masked.length} of ${HARMLESS.length} harmless strings stay as they are`)
for (const one of masked) console.log(`  ${one}`)
const spoken = changed(HARMLESS_SPEECH)
console.log(`${HARMLESS_SPEECH.length - spoken.length} of ${HARMLESS_SPEECH.length} that speak of passwords do`)
for (const one of spoken) console.log(`  ${one}`)
const told = toldLeaks()
console.log(`${told.length} of ${TOLD_SECRETS.length} secrets in speech, on command lines and in settings are shown`)
for (const one of told) console.log(`  ${one}`)
const all = cases()
const found = await leaks(all)
console.log(`${found.length} of ${all.length} calls have written down something of a secret`)
for (const one of found.slice(0, 100)) console.log(`  ${one}`)
const cut = cutLeaks()
console.log(`${cut.length} leaks of secrets that were cut at any length`)
for (const one of cut) console.log(`  ${one}`)
