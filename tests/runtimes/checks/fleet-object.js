// For Workers: the object that a fleet asks, as its README has it.
import { durableObject } from '@aplomb/redis'

export class Fleet {
  fetch = durableObject()
}

export class Broken {
  fetch = () => new Response('no', { status: 500 })
}

export default { fetch: () => new Response('ok') }
