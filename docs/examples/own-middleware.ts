import { aplomb, type Middleware } from 'aplomb'

let token = 'first'

/** Next to the network, it sees every attempt: a retry goes out with the token of that moment. */
const authorize: Middleware = (request, next) => {
  request.headers.set('authorization', `Bearer ${token}`)
  return next(request)
}

const fetch = aplomb({ use: [authorize] })
console.log((await fetch('https://api.example.com/v1/echo')).status)
token = 'second'
console.log((await fetch('https://api.example.com/v1/echo')).status)
