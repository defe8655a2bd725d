import type { WordRow } from '../vendor.ts'

// WeChat

export const words: readonly WordRow[] = [
  // Witness: wechat: 200 reached a limit
  { words: /\breach(?:es|ed)? (?:\w+ ){0,3}(?:limit|quota)\b/i, period: 'short', kind: 'rate-limited', on: [200] },
]
