// For runtimes that are commands: all settings come as an argument, and each outcome goes out as a line.
import { runCheck } from './run.js'

const [settings] = globalThis.Deno?.args ?? process.argv.slice(2)
for (const setting of JSON.parse(settings)) {
  const outcome = await runCheck(setting)
  console.log(`${setting.index} ${JSON.stringify(outcome)}`)
}
console.log('end')
