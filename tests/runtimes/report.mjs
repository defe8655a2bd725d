// The report of `npm start`, as Chromium draws it: no text lies on another, and none outside of the page.
import { renderReport } from '../../packages/bench/src/main-job/report.ts'

const WIDTHS = [390, 1280]
const LOOKUPS = [200, 500, 1000, 2000]
/** When the shorter run ends, in parts of the outage: where two labels want to stand in one place. */
const ENDS = [-0.5, 0, 0.5, 1]

const RATE = 20
const OUTAGE_MS = 2000

/** A job that goes as one does: answers at the API's rate, a fault for each second of the outage. */
const resultOf = (client, lookups, outageAtMs, wallMs) => {
  const attempts = Array.from({ length: lookups }, (_, index) => {
    const sentAt = (index / lookups) * (wallMs - 100)
    const isOut = sentAt >= outageAtMs && sentAt < outageAtMs + OUTAGE_MS
    return { sentAt, headersMs: 100, status: isOut ? 503 : 200, queueMs: sentAt, holdMs: 0, backoffMs: 0 }
  })
  const failed = attempts.filter(({ status }) => status !== 200).length
  const rejections = { outage: failed, overload: 0, window: 0, concurrency: 0, credits: 0, flaky: {} }
  const server = { requests: lookups, served: lookups - failed, empty: 0, rejections, creditsSpent: lookups }
  const counts = { answered: lookups - failed, empty: 0, failed, errors: failed > 0 ? { 'HTTP 503': failed } : {} }
  return { client, lookups, ...counts, wallMs, leastMs: wallMs * 0.9, server, attempts }
}

const reportOf = (lookups, end) => {
  const outageAtMs = (lookups / RATE) * 500
  const settings = {
    lookups,
    rate: RATE,
    concurrency: 5,
    credits: 10_000,
    outageMs: OUTAGE_MS,
    outageAtMs,
    missing: 0.05,
    latencyMs: 100,
    seed: 1,
    dialect: 'ietf',
    silent: true,
    only: undefined,
  }
  return renderReport(settings, [
    resultOf('naive', lookups, outageAtMs, outageAtMs + end * OUTAGE_MS),
    resultOf('aplomb', lookups, outageAtMs, (lookups / RATE) * 1000 + OUTAGE_MS),
  ])
}

/** In the page, before its own script: what is written on a canvas leaves no box behind. */
const watchCanvases = () => {
  globalThis.written = []
  const { fillText, clearRect } = CanvasRenderingContext2D.prototype
  CanvasRenderingContext2D.prototype.clearRect = function (...box) {
    globalThis.written = globalThis.written.filter(({ canvas }) => canvas !== this.canvas)
    return clearRect.apply(this, box)
  }
  CanvasRenderingContext2D.prototype.fillText = function (text, x, y, ...rest) {
    const size = this.measureText(text)
    const matrix = this.getTransform()
    const from = matrix.transformPoint({
      x: x - size.actualBoundingBoxLeft,
      y: y - size.actualBoundingBoxAscent,
    })
    const to = matrix.transformPoint({ x: x + size.actualBoundingBoxRight, y: y + size.actualBoundingBoxDescent })
    globalThis.written.push({ canvas: this.canvas, text, from, to })
    return fillText.call(this, text, x, y, ...rest)
  }
}

/** In the page, once it is drawn: what is wrong with the places of its texts. */
const misplaced = () => {
  const boxes = globalThis.written.map(({ canvas, text, from, to }) => {
    const { left, top } = canvas.getBoundingClientRect()
    const place = (point) => [left + point.x / devicePixelRatio, top + point.y / devicePixelRatio]
    const [[x1, y1], [x2, y2]] = [place(from), place(to)]
    return { text, left: x1, top: y1, right: x2, bottom: y2 }
  })
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (texts.nextNode()) {
    const { data: text, parentElement } = texts.currentNode
    if (text.trim() === '' || parentElement.closest('script, style')) continue
    const range = document.createRange()
    range.selectNodeContents(texts.currentNode)
    for (const { left, top, right, bottom } of range.getClientRects()) boxes.push({ text, left, top, right, bottom })
  }
  // A hair's breadth is antialiasing, and a line's box is higher than its letters.
  const HAIR = 1
  const meet = (a, b) =>
    Math.min(a.right, b.right) - Math.max(a.left, b.left) > HAIR &&
    Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > HAIR
  const problems = boxes
    .filter(({ left, right }) => left < 0 || right > innerWidth)
    .map(({ text }) => `"${text}" reaches out of the page`)
  for (const [index, a] of boxes.entries()) {
    for (const b of boxes.slice(index + 1)) if (meet(a, b)) problems.push(`"${a.text}" lies on "${b.text}"`)
  }
  return { count: boxes.length, drawn: globalThis.written.length, problems }
}

/** Looks at reports of many lengths, and closes the browser. */
export const reportChecks = async (browser) => {
  const results = []
  try {
    for (const width of WIDTHS) {
      const page = await browser.newPage({ viewport: { width, height: 900 }, locale: 'en-US' })
      await page.addInitScript(watchCanvases)
      for (const lookups of LOOKUPS) {
        const problems = []
        for (const end of ENDS) {
          await page.goto('about:blank')
          await page.setContent(reportOf(lookups, end))
          await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))))
          const found = await page.evaluate(misplaced)
          if (found.drawn === 0) problems.push('no chart was drawn')
          problems.push(...found.problems.map((problem) => `${problem}, where a run ends ${end} into the outage`))
        }
        results.push({ check: `report of ${lookups} lookups, ${width} px wide`, problems })
      }
      await page.close()
    }
  } finally {
    await browser.close()
  }
  return results
}
