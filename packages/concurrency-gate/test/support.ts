import type { Verdict, VerdictKind } from '@aplomb/pipeline'

/** A verdict of which only the named facts matter. */
export const verdict = (kind: VerdictKind, more: Partial<Verdict> = {}): Verdict => ({
  kind,
  action: 'retry',
  retryable: false,
  refused: false,
  tentative: false,
  limits: { windows: [] },
  evidence: 'a test',
  ...more,
})
