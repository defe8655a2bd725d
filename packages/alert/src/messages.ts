import type { RateView } from './rate.ts'

/** For people: two digits say enough. */
const span = (ms: number): string => {
  if (ms < 120_000) return `${Math.round(ms / 1000)} s`
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`
}
const percent = (share: number): string => `${Number((share * 100).toPrecision(2))} %`
const since = (epochMs: number): string => span(Date.now() - epochMs)

/** What alerts say. `api` is how the key is called, `where` a method and path, `evidence` why an answer was judged so. */
export const money = (api: string, isQuota: boolean, where: string, evidence: string, until?: Date): string =>
  `${isQuota ? `The allowance of ${api} is used up` : `${api} wants to be paid`}: ${where} was refused (${evidence}).` +
  (until ? ` It asks to wait until ${until.toISOString()}.` : '')

export const served = (api: string, began: number): string => `${api} serves calls again, after ${since(began)}.`

const figures = ({ attempts, failed, rate, baseline, windowMs }: RateView): string =>
  `${failed} of ${attempts} attempts failed within ${span(windowMs)} (${percent(rate)}` +
  `${baseline === undefined ? '' : `, usually ${percent(baseline)}`})`

export const errors = (api: string, view: RateView, where: string, evidence: string): string =>
  `${api}: ${figures(view)}. Last: ${where} (${evidence}).`

export const fewErrors = (api: string, view: RateView, began: number): string =>
  `${api}: ${figures(view)}. The incident took ${since(began)}.`

export const hold = (api: string, heldMs: number, leftMs: number, evidence: string): string =>
  `${api} lets no call through for ${span(heldMs)} in all, until ${new Date(Date.now() + leftMs).toISOString()} or longer (${evidence}).`

export const credits = (api: string, left: number): string =>
  `${api}: ${left} credits are left: some were added, or a new period has begun.`
