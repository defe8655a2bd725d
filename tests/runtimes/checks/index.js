import { aborts } from './aborts.js'
import { bodies } from './bodies.js'
import { errors } from './errors.js'
import { redirects } from './redirects.js'
import { requests } from './requests.js'
import { streams } from './streams.js'

/** All checks by name. Each gives what a caller can tell of it, as JSON. */
export const checks = { ...requests, ...bodies, ...streams, ...aborts, ...redirects, ...errors }
