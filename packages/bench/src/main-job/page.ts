import type uPlot from 'uplot'
import type { ClientName } from './clients.ts'
import type { Timeline } from './timeline.ts'

/** What the report's script draws. */
export interface PageData {
  readonly runs: readonly PageRun[]
  readonly concurrency: number
}

interface PageRun {
  readonly client: ClientName
  readonly timeline: Timeline
  /** On the client's clock, in seconds; no outage if both are the same. */
  readonly outage: readonly [from: number, to: number]
  readonly end: number
}

/** Runs in the browser, from its own source text: it can use nothing of this module but its arguments. */
export const drawPage = (Plot: typeof uPlot, { runs, concurrency }: PageData): void => {
  type Layer = readonly [title: string, color: string, values: readonly number[]]
  interface Panel {
    readonly id: string
    readonly title: string
    readonly layers: readonly Layer[]
    /** A count of events per slice, or an average number of calls. */
    readonly counts: boolean
    readonly ceiling?: number
  }

  const lastSecond = Math.max(...runs.map(({ end }) => end))
  const color = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

  /** Bottom first. */
  const panelsOf = ({ client, timeline }: PageRun): readonly Panel[] => {
    const { answered, tooMany, serverErrors, other, inFlight, onHold, inQueue, backingOff, sliceMs } = timeline
    const rare: readonly Layer[] = sum(other) > 0 ? [['other failures', '--other', other]] : []
    return [
      {
        id: `${client}-answers`,
        title: `What came back, per ${sliceMs} ms`,
        layers: [
          ['200 and 404', '--answered', answered],
          ['429', '--too-many', tooMany],
          ['5xx', '--server-errors', serverErrors],
          ...rare,
        ],
        counts: true,
      },
      {
        id: `${client}-slots`,
        title: `Calls at the API, which takes ${concurrency} at once`,
        layers: [
          ['in flight', '--in-flight', inFlight],
          ['on hold, next to go', '--on-hold', onHold],
        ],
        counts: false,
        ceiling: concurrency,
      },
      {
        id: `${client}-waits`,
        title: 'Calls waiting',
        layers: [
          ['in the queue', '--in-queue', inQueue],
          ['backing off', '--backing-off', backingOff],
        ],
        counts: false,
      },
    ]
  }

  const draw = (panel: Panel, run: PageRun, target: HTMLElement): uPlot => {
    const { layers, counts, ceiling } = panel
    const sliceS = run.timeline.sliceMs / 1000
    // To the end of the longest run, so that all charts show the same time.
    const xs = Array.from({ length: Math.ceil(lastSecond / sliceS) + 1 }, (_, i) => i * sliceS)
    // A step reaches to the next point, so the last value stands twice; a bar has a width of its own.
    const points = ([, , values]: Layer) => (counts ? values : [...values, values.at(-1) ?? 0])
    const sums = layers.map((_, top) => {
      const stack = layers.slice(0, top + 1).map(points)
      return xs.map((_x, i) => (i < (stack[0]?.length ?? 0) ? sum(stack.map((values) => values[i] ?? 0)) : null))
    })
    // Painted from the highest sum down, so that each layer covers what is below it.
    const painted = layers.map((layer, i) => ({ layer, sums: sums[i] ?? [] })).toReversed()
    const most = Math.max(1, ceiling ?? 0, ...(sums.at(-1) ?? []).map((value) => value ?? 0))
    const grid = { stroke: color('--grid'), width: 1 }
    const axis = { stroke: color('--muted'), font: '12px system-ui, sans-serif', grid, ticks: { show: false } }
    const paths = counts ? Plot.paths.bars?.({ size: [0.82, 40], align: 1 }) : Plot.paths.stepped?.({ align: 1 })

    const within = (plot: uPlot, s: number) => {
      const { left, width } = plot.bbox
      return Math.min(left + width, Math.max(left, plot.valToPos(s, 'x', true)))
    }
    const shadeOutage = (plot: uPlot) => {
      const [from, to] = [within(plot, run.outage[0]), within(plot, run.outage[1])]
      plot.ctx.fillStyle = color('--outage')
      plot.ctx.fillRect(from, plot.bbox.top, to - from, plot.bbox.height)
    }
    const annotate = (plot: uPlot) => {
      const { ctx, bbox } = plot
      const unit = devicePixelRatio
      const line = (...[fromX, fromY, toX, toY]: readonly [number, number, number, number]) => {
        ctx.beginPath()
        ctx.moveTo(fromX, fromY)
        ctx.lineTo(toX, toY)
        ctx.stroke()
      }
      let free = -Infinity
      /** In the first line, or below what was written there. */
      const write = (text: string, x: number) => {
        const { width } = ctx.measureText(text)
        const from = Math.max(bbox.left, Math.min(x, bbox.left + bbox.width - width))
        ctx.fillText(text, from, bbox.top + (from < free ? 17 : 3) * unit)
        free = from + width + 6 * unit
      }
      ctx.save()
      ctx.font = `${11 * unit}px system-ui, sans-serif`
      ctx.textBaseline = 'top'
      ctx.textAlign = 'left'
      ctx.setLineDash([4 * unit, 3 * unit])
      ctx.lineWidth = unit
      ctx.strokeStyle = ctx.fillStyle = color('--muted')
      if (ceiling !== undefined) {
        const y = plot.valToPos(ceiling, 'y', true)
        line(bbox.left, y, bbox.left + bbox.width, y)
      }
      const [from, to] = [within(plot, run.outage[0]), within(plot, run.outage[1])]
      if (to > from) write('outage', (from + to - ctx.measureText('outage').width) / 2)
      ctx.strokeStyle = ctx.fillStyle = color('--text')
      const end = plot.valToPos(run.end, 'x', true)
      if (end === within(plot, run.end)) {
        line(end, bbox.top, end, bbox.top + bbox.height)
        const text = `ends at ${run.end.toFixed(1)} s`
        const late = end > bbox.left + bbox.width / 2
        write(text, late ? end - 4 * unit - ctx.measureText(text).width : end + 4 * unit)
      }
      ctx.restore()
    }

    /** Under the cursor; without one, all in all. */
    const figure = (values: readonly number[], i: number | null | undefined) => {
      if (i === null || i === undefined)
        return counts ? String(sum(values)) : `up to ${Math.round(Math.max(...values))}`
      const value = values[i]
      return value === undefined ? '–' : counts ? String(value) : value.toFixed(1)
    }
    const options: uPlot.Options = {
      width: target.clientWidth,
      height: 190,
      padding: [12, 12, 0, 0],
      cursor: { sync: { key: 'time' }, points: { show: false }, y: false },
      scales: { x: { time: false, range: (_plot, from, to) => [from, to] }, y: { range: [0, most * 1.12] } },
      axes: [
        {
          ...axis,
          size: 28,
          incrs: [0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800],
          values: (_plot, ticks) => ticks.map((s) => `${s} s`),
        },
        { ...axis, size: 44, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 50_000] },
      ],
      series: [
        { label: '', value: (_plot, s) => (s === null ? '' : `at ${s.toFixed(2)} s`) },
        ...painted.map(({ layer: [label, name, values] }) => ({
          label,
          fill: color(name),
          width: 0,
          ...(paths && { paths }),
          points: { show: false },
          value: (_plot: uPlot, _sum: number, _series: number, i: number | null | undefined) => figure(values, i),
        })),
      ],
      legend: { markers: { width: 0, fill: (_plot, i) => color(painted[i - 1]?.layer[1] ?? '--muted') } },
      hooks: { drawClear: [shadeOutage], draw: [annotate] },
    }
    return new Plot(options, [xs, ...painted.map((one) => one.sums)], target)
  }

  let plots: uPlot[] = []
  const drawAll = () => {
    for (const plot of plots) plot.destroy()
    plots = []
    for (const run of runs) {
      for (const panel of panelsOf(run)) {
        const target = document.getElementById(panel.id)
        if (target === null) continue
        target.replaceChildren(Object.assign(document.createElement('h3'), { textContent: panel.title }))
        plots.push(draw(panel, run, target))
      }
    }
  }
  const resize = () => {
    for (const plot of plots) {
      const width = plot.root.parentElement?.clientWidth
      if (width !== undefined) plot.setSize({ width, height: 190 })
    }
  }
  drawAll()
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll)
  addEventListener('resize', resize)
}
