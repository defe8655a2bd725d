// Ends by itself, unless something keeps it alive: alerts on their way to a sink that hangs.
import { alert } from '../src/index.ts'

const alerts = alert({ to: () => new Promise(() => undefined) })
const { status } = await alerts(
  new Request('https://api.example.com/'),
  async () => new Response(null, { status: 402 }),
)
console.log(status)
