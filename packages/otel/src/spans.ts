import { context, SpanKind, SpanStatusCode, trace, type Attributes, type Span, type Tracer } from '@opentelemetry/api'
import { isKnown, targetOf, type Subject } from './subject.ts'
import type { Outcome, Watcher } from './watcher.ts'

/** How long a wait was, or will be, in seconds. */
const WAIT = 'aplomb.wait.duration'

/** Writes the spans of one call: its own, and below it one per attempt. */
export const newSpans = (tracer: Tracer, subject: Subject): Watcher => {
  const { request, key, named } = subject
  const open = new Map<number, Span>()
  const { redactor } = subject
  let count = 0

  const nameOf = ({ method }: Request): string =>
    `${isKnown(method) ? method : 'HTTP'}${named ? ` ${subject.template}` : ''}`

  const about = (one: Request): Attributes => ({
    ...targetOf(one),
    ...(!isKnown(one.method) && { 'http.request.method_original': redactor.text(one.method) }),
    'url.full': redactor.url(one.url),
    'url.template': subject.template,
    'aplomb.key': key,
  })

  const call = tracer.startSpan(nameOf(request), {
    kind: SpanKind.INTERNAL,
    startTime: Date.now(),
    attributes: about(request),
  })
  const active = trace.setSpan(context.active(), call)

  const start = (number: number, sent: Request, startTime: number): Span => {
    count = Math.max(count, number)
    // Where nobody reads it, nobody needs to write it.
    const recording = call.isRecording()
    if (recording) redactor.learn(sent)
    const attributes = recording ? about(sent) : targetOf(sent)
    if (number > 1) attributes['http.request.resend_count'] = number - 1
    return tracer.startSpan(nameOf(sent), { kind: SpanKind.CLIENT, startTime, attributes }, active)
  }

  const finish = (span: Span, outcome: Outcome, more: Attributes = {}): void => {
    const { end, verdict, failure, cost, endedAt } = outcome
    if (span.isRecording()) {
      const status = 'response' in end && end.response.status
      span.setAttributes({
        ...more,
        ...(status && { 'http.response.status_code': status }),
        ...(failure && { 'error.type': failure.type }),
        'aplomb.verdict': verdict.kind,
        'aplomb.evidence': redactor.text(verdict.evidence),
        ...(cost !== undefined && { 'aplomb.credits.cost': cost }),
      })
      const { message } = failure ?? {}
      // Who aborts wanted it so.
      if (failure && verdict.kind !== 'aborted')
        span.setStatus({ code: SpanStatusCode.ERROR, ...(message !== undefined && { message }) })
    }
    span.end(endedAt)
  }

  return {
    context: active,
    send: ({ number, request: sent, startedAt }) => {
      const span = start(number, sent, startedAt)
      open.set(number, span)
      return trace.setSpan(active, span)
    },
    waited: (kind, at, ms) => void call.addEvent(`aplomb.${kind}`, { [WAIT]: ms / 1000 }, at),
    attempt: (attempt) => {
      const { number, request: sent, startedAt } = attempt
      const span = open.get(number) ?? start(number, sent, startedAt)
      open.delete(number)
      finish(span, attempt)
    },
    event: (event, at) => {
      if (!call.isRecording() || !(event.type === 'retry' || event.type === 'give-up' || event.type === 'alert')) return
      const details: Attributes = {
        'aplomb.by': redactor.text(event.by),
        'aplomb.reason': redactor.text(event.type === 'alert' ? event.message : event.reason),
      }
      if (event.type === 'alert') details['aplomb.condition'] = redactor.text(event.condition)
      if (event.type === 'retry') details[WAIT] = event.waitMs / 1000
      call.addEvent(`aplomb.${event.type.replace('-', '_')}`, details, at)
    },
    end: (outcome) => finish(call, outcome, { 'aplomb.attempts': count }),
  }
}
