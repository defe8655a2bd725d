// For Workers: requests of one isolate share an `aplomb()` at the module's level.
import { aplomb } from 'aplomb'

const shared = { auto: aplomb(), two: aplomb({ concurrencyGate: { limit: 2 } }) }

export default {
  fetch: async (request) => {
    const { pathname } = new URL(request.url)
    const response = await shared[pathname.split('/')[1]](`http://api.test${pathname}`)
    return new Response(await response.text(), { status: response.status })
  },
}
