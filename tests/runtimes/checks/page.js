// For pages: the driver calls it.
import { runCheck } from './run.js'

globalThis.runCheck = async (setting) => JSON.stringify(await runCheck(setting))
