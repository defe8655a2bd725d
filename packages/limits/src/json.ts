/** An object or an array of parsed JSON. */
export type Json = Readonly<Record<string, unknown>>

export const isRecord = (value: unknown): value is Json => typeof value === 'object' && value !== null

/** What a text holds, undefined if it is not JSON. */
export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Enough for any error body; what is deeper or beyond is not looked at. */
const DEEPEST = 8
const MOST = 3000

/** Shows each member of parsed JSON, breadth first: what is said at the top counts more than what is nested. */
export const walk = (json: unknown, visit: (key: string, value: unknown, node: Json) => void): void => {
  let level = [json]
  let seen = 0
  for (let depth = 0; depth < DEEPEST && level.length > 0; depth++) {
    const next: unknown[] = []
    for (const node of level) {
      if (!isRecord(node)) continue
      for (const key of Object.keys(node)) {
        if (++seen > MOST) return
        const value = node[key]
        visit(key, value, node)
        if (isRecord(value)) next.push(value)
      }
    }
    level = next
  }
}
