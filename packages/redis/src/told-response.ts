import { clock, setOriginOfAnswer, setVerdict } from '@aplomb/pipeline'
import { type Answer, verdictFrom } from './messages.ts'

/** Statuses that a `Response` may be made with, and those that allow no body (fetch standard). */
const isStatus = (status: number): boolean => status >= 200 && status <= 599
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304])

/** What came back elsewhere, as far as a constraint looks at it; `end` ends its body. */
export const responseFor = ({
  verdict,
  whole,
  lasts,
  type,
  key,
  tookMs,
  agoMs,
}: Answer): { response: Response; end: () => void } => {
  const status = isStatus(verdict.status ?? 0) ? (verdict.status as number) : 200
  const nothing = (): void => undefined
  let close = nothing
  const body =
    (!whole || lasts) && !BODILESS.has(status)
      ? new ReadableStream({
          start: (its) => void (close = () => its.close()),
          // One that is sent again gives it up.
          cancel: () => void (close = nothing),
        })
      : null
  const response = new Response(body, { status, headers: type ? { 'content-type': type } : {} })
  setVerdict(response, verdictFrom(verdict))
  // At the latest: its member has told at once.
  const heardAt = clock() - (agoMs ?? 0)
  const sentAt = tookMs === undefined ? undefined : heardAt - tookMs
  setOriginOfAnswer(response, { key, sentAt, heardAt: agoMs ? heardAt : undefined })
  return { response, end: () => close() }
}
