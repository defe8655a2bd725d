import type { Call } from '@aplomb/pipeline'
import type { Redactor } from '@aplomb/redact'
import type { Occurrence } from './incident.ts'
import type { Alert } from './record.ts'

/** What an alert says beside what every alert says. */
type Facts = Pick<Alert, 'message'> & Partial<Alert>

/** What may be shown of a call. */
interface Names {
  readonly api: string
  readonly key: string
  /** How to call the key in a sentence. */
  readonly name: string
  readonly where: string
  text(text: string): string
}

/** Makes an alert of an occurrence, if there is one, and posts it. */
export type Tell = (
  state: Alert['state'],
  occurrence: Occurrence | undefined,
  factsOf: (names: Names, began: number) => Facts,
) => void

/** What alerts are made with, of all calls alike. */
export interface Desk {
  readonly endpoint: (request: Request) => string
  readonly redactorFor: (request: Request, key: string) => Redactor
  readonly post: (alert: Alert) => void
}

/** `sent` gives the request as it was sent: a middleware below may have put secrets into it that the caller never saw. */
export const newTell = (call: Call, request: Request, sent: () => Request, desk: Desk): Tell => {
  const names = (): Names => {
    const { text, url, learn } = desk.redactorFor(request, call.key)
    learn(sent())
    const { origin } = new URL(request.url)
    const api = url(origin)
    const key = call.key === origin ? api : text(call.key)
    const where = `${request.method} ${text(desk.endpoint(request))}`
    return { api, key, name: key === api ? api : `${api} (${key})`, where, text }
  }

  return (state, occurrence, factsOf) => {
    if (!occurrence) return
    const known = names()
    const { api, key, text } = known
    const { id, condition, since, sequence } = occurrence
    const times = { since: new Date(since).toISOString(), at: new Date().toISOString() }
    desk.post({ id, sequence, condition: text(condition), state, api, key, ...times, ...factsOf(known, since) })
  }
}
