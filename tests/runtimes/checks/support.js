/** Headers that differ from one answer to the next. */
const VOLATILE = new Set(['date', 'connection', 'keep-alive'])

/** What a caller can tell of an answer, its body read. */
const told = async (response, base) => {
  const { pathname } = new URL(base)
  const { status, statusText, ok, type, url, redirected, headers } = response
  const hasBody = response.body !== null
  const text = await response.text()
  return {
    status,
    statusText,
    ok,
    type,
    url: url.replace(pathname, ''),
    redirected,
    headers: Object.fromEntries(
      [...headers].filter(([name]) => !VOLATILE.has(name)).map(([name, value]) => [name, value.replace(pathname, '')]),
    ),
    hasBody,
    bodyUsed: response.bodyUsed,
    body: shortened(text, headers),
  }
}

const shortened = (text, headers) => {
  if (text.startsWith('{') && headers.get('content-type') === 'application/json') return JSON.parse(text)
  return text.length <= 1000 ? text : `${text.length} characters, ${sumOf(text)}`
}

const sumOf = (text) => {
  let sum = 0
  for (let i = 0; i < text.length; i++) sum = (sum * 31 + text.charCodeAt(i)) % 1_000_000_007
  return sum
}

/** What a caller can tell of a failure. */
export const toldError = (error, base) => {
  if (typeof error !== 'object' || error === null) return { thrown: String(error) }
  const { name, code, message, cause } = error
  // Without the path, and without workerd's number of a case.
  const words = String(message)
    .replaceAll(new URL(base).pathname, '')
    .replace(/reference = \w+/, 'reference')
  return { name, code, words, ...(cause instanceof Error && { cause: { name: cause.name, code: cause.code } }) }
}

/** Either of them; `send` may throw, too. */
export const outcomeOf = async (send, base) => {
  try {
    return await told(await send(), base)
  } catch (error) {
    return toldError(error, base)
  }
}

/** Like the retries of aplomb, by hand where the fetch does not retry: what bare fetch sends then is what is right. */
export const again = async (kind, send) => {
  for (let attempt = 1; ; attempt++) {
    const response = await send()
    if (kind === 'aplomb' || response.status !== 503 || attempt === 4) return response
    // Read, not cancelled: Chromium may send the next request twice on a connection that it gives up.
    await response.arrayBuffer()
  }
}

export const textOf = (chunk) => new TextDecoder().decode(chunk)

export const readAll = async (reader) => {
  let text = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return text
    text += textOf(value)
  }
}
