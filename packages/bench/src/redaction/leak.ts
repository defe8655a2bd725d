/** Written apart from what it checks: whatever the spelling, only letters and digits count. */
const undone = (text: string): string => {
  let plain = text
  for (let before = ''; before !== plain;) {
    before = plain
    plain = plain
      .replaceAll(/%([\da-f]{2})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
      .replaceAll(/&#x([\da-f]{1,4});/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
      .replaceAll(/&#(\d{1,5});/g, (_, code: string) => String.fromCharCode(Number(code)))
      .replaceAll(/\\+u([\da-f]{4})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
      .replaceAll(/&(?:quot|amp|lt|gt);/g, ' ')
  }
  return plain.toLowerCase().replaceAll(/[^a-z\d]/g, '')
}

/** So much of a secret in a row is a leak. */
const LEAK_CHARS = 8

/** What of a secret is in an output, if any. */
export const leakIn = (output: string, secret: string): string | undefined => {
  const text = undone(output)
  const all = secret.toLowerCase().replaceAll(/[^a-z\d]/g, '')
  const chars = Math.min(LEAK_CHARS, all.length)
  for (let i = 0; i + chars <= all.length; i++) {
    const part = all.slice(i, i + chars)
    if (text.includes(part)) return part
  }
  return undefined
}
