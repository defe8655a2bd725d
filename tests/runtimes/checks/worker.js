// For Workers: a request for each check.
import { runCheck } from './run.js'

export default { fetch: async (request) => Response.json(await runCheck(await request.json())) }
