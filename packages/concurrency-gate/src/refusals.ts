import { clock, ownLimits, type RequestLine, type Verdict } from '@aplomb/pipeline'
import type { Aimd } from './aimd.ts'
import type { Breaker } from './breaker.ts'
import type { Ceiling } from './ceiling.ts'
import { newChance } from './chance.ts'
import { newContention } from './contention.ts'
import type { Liveness } from './liveness.ts'
import type { Outage } from './outage.ts'
import { BACK, CLOSED, OPENED, type Probing } from './probing.ts'
import { newClassifier } from './refusal-classifier.ts'
import type { Sent } from './sent.ts'
import { LONGEST_WAIT_MS } from './signal.ts'
import { newSlidingLog } from './sliding-log.ts'
import { newWindowEstimator } from './window-estimator.ts'

/** What refusals are taken for: too many in flight, a window, chance, or a limit of one endpoint's own. */
export interface Refusals {
  /** Whether nothing is known of a window, or of a ceiling learned without a word. */
  undecided(): boolean
  /** Whether a refusal is being tried once more, and nothing else is sent until then; and whether that goes now. */
  testing(): boolean
  testReady(): boolean
  /** While single requests ask whether a window is open again, fewer than that are in flight. */
  probesAmong(): number
  /** Whether they are random: then nothing but a moment helps. */
  random(): boolean
  /** Whether a lone one may be. */
  uncertain(): boolean
  /** Whether an outage is over, and began less than a minute ago: refusals are of others who come back, too. */
  comingBack(): boolean
  /** Whether it was just refused for a limit that is its endpoint's own: no matter of the key. */
  isOwn(request: RequestLine): boolean
  /** Milliseconds until the time that the server has named for all of the key. */
  namedMs(): number
  /** Milliseconds until a test goes at the latest; until the window opens, as long as the evidence is not against one. */
  testMs(): number
  closedMs(): number
  rest(): void
  sent(one: Sent): void
  served(sent: Sent, active: number): void
  /** Probes have ended with a good answer: what the limit is then. */
  resume(): void
  failed(): void
  /** Whether this refusal is one of an endpoint's own. */
  own(verdict: Verdict, sent: Sent): boolean
  /** Refused; each returns why the limit changed, or why it probes. */
  inFlight(verdict: Verdict, sent: Sent, active: number): string
  silently(sent: Sent, active: number): string | undefined
  ended(sent: Sent): void
}

interface Parts {
  readonly aimd: Aimd
  readonly breaker: Breaker
  readonly ceiling: Ceiling
  readonly liveness: Liveness
  readonly outage: Outage
  readonly probing: Probing
}

export const REFUSED_PROBING = 'refused without a time: probing'
const SLIDING = 'refused by a window that slides'
const AT_RANDOM = 'refused at random'

export const newRefusals = ({ aimd, breaker, ceiling, liveness, outage, probing }: Parts): Refusals => {
  let estimator = newWindowEstimator()
  let classifier = newClassifier(ceiling.forget)
  const chance = newChance()
  const contention = newContention()
  let log = newSlidingLog()
  const endpoints = ownLimits()
  /** The last request that was refused for a limit of its endpoint's own. */
  let ownRefusal: RequestLine | undefined
  let namedUntil = 0
  /** Whether a test has shown a ceiling: it may be there beside a window. Without this, what others take of a window's quota is taken for one. */
  let ceilingShown = false
  /** With how many in flight it refused last. */
  let refusedAmong = 1
  /** Whether the server refuses because it comes back from an outage. */
  let returning = false

  const undecided = (): boolean => classifier.cause() === undefined

  /** What was learned from refusals does not hold. */
  const relearn = (): void => {
    classifier = newClassifier(ceiling.forget)
    estimator = newWindowEstimator()
    log = newSlidingLog()
    ceilingShown = false
    ceiling.forget()
  }

  /** Nothing was to be learned from refusals so far. */
  const unlearn = (): void => {
    relearn()
    probing.end()
    aimd.reset()
  }

  const believeChance = (): string => {
    chance.believe()
    unlearn()
    return AT_RANDOM
  }

  const tooMany = (sent: Sent, active: number): string => {
    aimd.refusedInFlight(sent, active)
    // None of ours is: others keep it full. A single call may have met something that is only about itself.
    const contended = ceiling.announced() || liveness.severalRefused()
    if (active <= 1 && contended && !probing.predates(sent.at))
      probing.pauseFor(contention.lost(clock() - (probing.since() ?? clock()), ceiling.slots()))
    return `refused with ${active} in flight`
  }

  /** Pauses for as long as the window is taken to be closed. */
  const pause = (): void => {
    aimd.restore(outage.failing())
    if (outage.failing()) {
      // The breaker has nothing to probe for: it answers.
      breaker.close()
      returning = true
      probing.pause(BACK, outage.since())
    } else probing.pause(estimator.openedAt() === undefined ? CLOSED : OPENED, estimator.openedAt())
    const opensInMs = estimator.waitMs()
    if (opensInMs > 0) probing.sleep(opensInMs)
  }

  /** Milliseconds until the window has room. */
  const windowMs = (): number => {
    if (log.believed()) return log.waitMs()
    return classifier.cause() === 'window' && !chance.leaning() ? estimator.waitMs() : 0
  }

  const withinQuota = ({ at }: Sent, active: number): boolean =>
    ceilingShown && classifier.cause() === 'window' && active > 1 && !chance.believed() && estimator.hasQuota(at)

  /** Whether a window that slides has refused it: the others go on. */
  const slides = ({ at }: Sent): boolean => {
    log.refused(at)
    if (log.believed()) return true
    const lengthMs = estimator.lengthMs()
    if (lengthMs === undefined || !log.explains(at, lengthMs, estimator.quota())) return false
    probing.end()
    return true
  }

  const outOfWindow = (sent: Sent): string | undefined => {
    estimator.refused(sent.at)
    aimd.windowClosed()
    if (probing.predates(sent.at)) return undefined
    const news = probing.since() === undefined
    if (news) {
      aimd.pauseBegins()
      classifier.closed()
    }
    pause()
    // Before the key pauses: is it not chance?
    if (news && !outage.failing() && chance.wantsTest()) probing.sleep(0)
    return news ? REFUSED_PROBING : undefined
  }

  const unclassified = (sent: Sent, active: number, first: boolean): string => {
    estimator.refused(sent.at)
    aimd.suspend(active, first)
    if (first) probing.decide()
    return `refused with ${active} in flight`
  }

  const classify = (sent: Sent, active: number): string | undefined => {
    const first = !classifier.testing()
    switch (classifier.refused(sent, active)) {
      case 'in flight': {
        const reason = tooMany(sent, active)
        if (active <= 1 && chance.wantsTest()) probing.sleep(0)
        return reason
      }
      case 'window':
        return chance.likely() ? believeChance() : outOfWindow(sent)
      case 'alone':
        return outOfWindow(sent)
      case undefined:
    }
    return unclassified(sent, active, first)
  }

  return {
    undecided,
    testing: () => classifier.testing(),
    testReady: () => classifier.ready(),
    probesAmong: () => (ceilingShown && classifier.cause() === 'window' ? Math.ceil(refusedAmong / 2) : 1),
    random: () => chance.believed(),
    uncertain: () => !classifier.testing() && chance.possible(),
    comingBack: () => returning && clock() - outage.since() < LONGEST_WAIT_MS,
    isOwn: (request) => request === ownRefusal,
    namedMs: () => Math.max(0, namedUntil - clock()),
    testMs: () => classifier.waitMs(),
    closedMs: () => Math.max(chance.waitMs(), windowMs()),
    rest: () => classifier.rest(),
    sent: (one) => {
      if (!log.believed()) estimator.sent()
      const window = classifier.cause() === 'window'
      if (window) log.sent(one.at)
      chance.sent(one, window, window && !ceilingShown)
      classifier.sent(one)
    },
    served: (sent, active) => {
      if (!log.believed()) estimator.accepted(sent.at)
      log.served()
      chance.served(sent)
      endpoints.served(sent.request, sent.at)
      contention.report(clock() - sent.at)
      if (estimator.contradicted()) relearn()
      if (classifier.served(sent, active, aimd.limit())) {
        aimd.settle()
        ceilingShown = true
      }
      if (classifier.cause() !== 'window') return
      if (chance.likely()) believeChance()
      else if (chance.noWindow()) {
        chance.forgetWindow()
        classifier.itIsInFlight()
        estimator = newWindowEstimator()
      }
    },
    resume: () => {
      if (!returning) aimd.resume(classifier.cause() === 'window' ? estimator.quota() : undefined)
      returning = false
    },
    failed: () => chance.outage(),
    own: ({ limits, retryAfterMs }, sent) => {
      const aboutKey = limits.concurrency !== undefined || retryAfterMs !== undefined || chance.believed()
      const own = aboutKey ? undefined : endpoints.refused(sent.request, sent.at)
      ownRefusal = own && sent.request
      // What was learned from its refusals before was no matter of the key, either.
      if (own === 'found') unlearn()
      return own !== undefined
    },
    inFlight: ({ retryAfterMs }, sent, active) => {
      if (retryAfterMs !== undefined && retryAfterMs <= LONGEST_WAIT_MS)
        namedUntil = Math.max(namedUntil, clock() + retryAfterMs)
      return tooMany(sent, active)
    },
    silently: (sent, active) => {
      refusedAmong = active
      // Sooner than the end of the window, with quota left: that is evidence about the ceiling.
      if (withinQuota(sent, active)) {
        estimator.withdraw()
        return tooMany(sent, active)
      }
      chance.refused(sent)
      if (chance.believed()) return undefined
      if (slides(sent)) return SLIDING
      // One refusal among successes: a limit would refuse the next one, too.
      if (undecided() && !classifier.testing() && active > 1 && chance.negligible()) {
        aimd.delayRamp()
        return undefined
      }
      aimd.endRamp()
      if (undecided() && chance.likely()) return believeChance()
      if (probing.since() === undefined) outage.expire()
      return classify(sent, active)
    },
    ended: (sent) => {
      classifier.ended(sent)
      chance.ended(sent)
    },
  }
}
