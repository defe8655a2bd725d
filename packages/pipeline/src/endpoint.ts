const WORD = /^(?:v\d|[a-z]{1,9})$/i
const NUMBERS = /^[\d.,:;+-]*\d[\d.,:;+-]*$/
const HEX = /^(?:0x)?(?=[a-f]*\d)[\da-f]{8,}$|^[\da-f]{16,}$/i
const IPV6 = /^\[?[\da-f]*:[\da-f]*:[\da-f:.%]*\]?$/i
const LONGEST_NAME = 40

/** A piece of a name that is more of a serial number: `12345`, `9s6XKzkNRi`, but not `v2`, `oauth2` or `70b`. */
const isSerial = (piece: string): boolean =>
  /\d{4}|^\d+[a-z]+\d/i.test(piece) ||
  (/\d/.test(piece) && (piece.length >= 10 || (/[a-z]/.test(piece) && /[A-Z]/.test(piece))))

/** Letters whose case changes as it does in no name. */
const isJumble = (piece: string): boolean =>
  piece.length >= 10 && (piece.match(/[a-z][A-Z]/g)?.length ?? 0) > piece.length / 6

const isId = (segment: string): boolean => {
  if (WORD.test(segment)) return false
  if (segment.length > LONGEST_NAME) return true
  if (/[@%\s]/.test(segment) || NUMBERS.test(segment) || HEX.test(segment) || IPV6.test(segment)) return true
  return segment.split(/[-_.~:]/).some((piece) => isSerial(piece) || isJumble(piece))
}

/** The path of a URL with `:id` for everything that is likely to differ from call to call. */
export const endpointOf = (url: string): string => {
  const path = /^[^:]+:\/\/[^/?#]*([^?#]*)/.exec(url)?.[1] || '/'
  return path.replace(/[^/]+/g, (segment) => (isId(segment) ? ':id' : segment))
}
