import { clock, type RequestLine, type Verdict } from '@aplomb/pipeline'
import type { Aimd } from './aimd.ts'
import type { Breaker } from './breaker.ts'
import type { Ceiling } from './ceiling.ts'
import { newChance } from './chance.ts'
import type { Liveness } from './liveness.ts'
import type { Outage } from './outage.ts'
import { newOwnRefusals } from './own-refusals.ts'
import { BACK, CLOSED, OPENED, type Probing } from './probing.ts'
import { newClassifier } from './refusal-classifier.ts'
import type { Sent } from './sent.ts'
import { LONGEST_WAIT_MS } from './signal.ts'
import { newSilentWindow } from './silent-window.ts'
import { newTooMany } from './too-many.ts'

/** What refusals are taken for: too many in flight, a window, chance, or a limit of one endpoint's own. */
export interface Refusals {
  /** Whether nothing is known of a window, or of a ceiling learned without a word. */
  undecided(): boolean
  /** Whether a refusal is being tried once more, and nothing else is sent until then; and whether that goes now. */
  testing(): boolean
  testReady(): boolean
  /** Up to how many in flight one more goes, whatever the limit, to be a test of chance. */
  testAmong(): number
  /** While single requests ask whether a window is open again, fewer than that are in flight. */
  probesAmong(): number
  /** Whether they are random: then nothing but a moment helps. */
  random(): boolean
  /** Whether a lone one may be. */
  uncertain(): boolean
  /** Whether an outage that had begun by then is over, and began less than a minute ago: refusals are of others who come back, too. */
  comingBack(failedAt: number): boolean
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

export const newRefusals = ({ aimd, breaker, ceiling, liveness, outage, probing }: Parts): Refusals => {
  let window = newSilentWindow()
  let classifier = newClassifier(ceiling.forget)
  const chance = newChance()
  const tooMany = newTooMany({ aimd, ceiling, liveness, probing })
  const ownRefusals = newOwnRefusals()
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
    window = window.anew()
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
    return 'refused at random'
  }

  /** Pauses for as long as the window is taken to be closed. */
  const pause = (): void => {
    aimd.restore(outage.failing())
    if (outage.failing()) {
      // The breaker has nothing to probe for: it answers.
      breaker.close()
      returning = true
      probing.pause(BACK, outage.since())
    } else probing.pause(window.openedAt() === undefined ? CLOSED : OPENED, window.openedAt())
    const opensInMs = window.waitMs()
    if (opensInMs > 0) probing.sleep(opensInMs)
  }

  /** Milliseconds until the window has room. */
  const windowMs = (): number =>
    window.flow() !== undefined || (classifier.cause() === 'window' && !chance.leaning()) ? window.waitMs() : 0

  const withinQuota = ({ at }: Sent, active: number): boolean =>
    ceilingShown && classifier.cause() === 'window' && active > 1 && !chance.believed() && window.hasQuota(at)

  /** Whether a limit that slides, or refills, has refused it: the others go on. */
  const flows = (sent: Sent, active: number): boolean => {
    const known = window.flow()
    const flow = window.flowsPast(sent, active)
    if (flow === 'refills' && flow !== known) unlearn()
    else if (known === undefined && flow !== undefined) probing.end()
    return flow !== undefined
  }

  const outOfWindow = (sent: Sent): string | undefined => {
    window.refused(sent.at)
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
    window.refused(sent.at)
    aimd.suspend(active, first)
    if (first) probing.decide()
    return `refused with ${active} in flight`
  }

  const classify = (sent: Sent, active: number): string | undefined => {
    const first = !classifier.testing()
    switch (classifier.refused(sent, active)) {
      case 'in flight': {
        const reason = tooMany.refused(sent, active)
        if (chance.asks(sent, active) && active <= 1) probing.sleep(0)
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
    testAmong: chance.testAmong,
    random: () => chance.believed(),
    uncertain: () => !classifier.testing() && chance.possible(),
    comingBack: (failedAt) => returning && failedAt >= outage.since() && clock() - outage.since() < LONGEST_WAIT_MS,
    isOwn: (request) => ownRefusals.is(request),
    namedMs: tooMany.namedMs,
    testMs: () => classifier.waitMs(),
    closedMs: () => Math.max(chance.waitMs(), windowMs()),
    rest: () => {
      classifier.rest()
      window.rest()
    },
    sent: (one) => {
      const certain = classifier.cause() === 'window'
      window.sent(one, certain)
      chance.sent(one, certain, certain && !ceilingShown)
      classifier.sent(one)
    },
    served: (sent, active) => {
      window.accepted(sent, active)
      chance.served(sent)
      ownRefusals.served(sent)
      tooMany.report(clock() - sent.at)
      if (window.contradicted()) relearn()
      if (classifier.served(sent, active, aimd.limit())) {
        aimd.settle()
        ceilingShown = true
      }
      if (classifier.cause() !== 'window') return
      if (chance.likely()) believeChance()
      else if (chance.noWindow()) {
        chance.forgetWindow()
        classifier.itIsInFlight()
        window = window.anew()
      }
    },
    resume: () => {
      if (!returning) aimd.resume(classifier.cause() === 'window' ? window.quota() : undefined)
      returning = false
    },
    failed: () => chance.outage(),
    own: (verdict, sent) => {
      const own = ownRefusals.refused(verdict, sent, chance.believed())
      // What was learned from its refusals before was no matter of the key, either.
      if (own === 'found') unlearn()
      return own !== undefined
    },
    inFlight: ({ retryAfterMs }, sent, active) => {
      tooMany.named(retryAfterMs)
      return tooMany.refused(sent, active)
    },
    silently: (sent, active) => {
      refusedAmong = active
      // Sooner than the end of the window, with quota left: that is evidence about the ceiling.
      if (withinQuota(sent, active)) {
        window.withdraw()
        return tooMany.refused(sent, active)
      }
      chance.refused(sent)
      if (chance.believed()) return undefined
      if (flows(sent, active)) return `refused by a limit that ${window.flow()}`
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
