import { aplomb, unwrap } from 'aplomb'

const fetch = aplomb({ creditMeter: { budget: 10_000 }, classify: { lookups: '/v1/lookup/:ip' } })

const ips = Array.from({ length: 50 }, (_, i) => `192.0.2.${i}`)
const places = await Promise.all(ips.map(async (ip) => unwrap(await fetch(`https://api.example.com/v1/lookup/${ip}`))))

console.log(
  `${places.filter((place) => place !== null).length} found, ${places.filter((place) => place === null).length} not`,
)
console.log(`${fetch.usage()?.spent} credits spent, ${fetch.usage()?.left} left`)
