// For Workers: a request for each check.
import { runCheck } from './run.js'

// eslint-disable-next-line import/no-default-export
export default { fetch: async (request) => Response.json(await runCheck(await request.json())) }
