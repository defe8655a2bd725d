import type uPlot from 'uplot'

/** What the report's script draws: a chart with a group of dots for each mode, one dot for each client. */
export interface PageData {
  readonly modes: readonly string[]
  readonly clients: readonly string[]
  readonly charts: readonly Chart[]
}

interface Chart {
  readonly id: string
  /** By client, then by mode; null where there is nothing to show. */
  readonly values: readonly (readonly (number | null)[])[]
  /** To reach, by mode. */
  readonly bars: readonly number[]
  readonly log: boolean
}

/** Runs in the browser, from its own source text: it can use nothing of this module but its arguments. */
export const drawPage = (Plot: typeof uPlot, { modes, clients, charts }: PageData): void => {
  const HEIGHT = 380
  const color = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()
  const colorOf = (client: number) => color(clients[client] === 'aplomb' ? '--aplomb' : `--peer-${client}`)
  /** A unit of x for each mode; its clients stand side by side in the middle of it. */
  const place = (mode: number, client: number) => mode + (0.7 * (client + 0.5)) / clients.length - 0.35

  /** Wide enough for the names of the modes; a narrow screen scrolls. */
  const widthOf = ({ clientWidth }: Element) => Math.max(clientWidth, modes.length * 88)
  const inLines = (name: string) => name.replace(/(.{7,13}) /g, '$1\n')

  const draw = ({ values, bars, log }: Chart, target: HTMLElement): uPlot => {
    // One point of x for each dot, so that none covers another: each series is null but at its own points.
    const points = modes.flatMap((_, mode) => clients.map((_name, client) => ({ mode, client })))
    const xs = points.map(({ mode, client }) => place(mode, client))
    const series = clients.map((_, of) =>
      points.map(({ mode, client }) => (client === of ? (values[of]?.[mode] ?? null) : null)),
    )
    const grid = { stroke: color('--grid'), width: 1 }
    const axis = { stroke: color('--muted'), font: '12px system-ui, sans-serif', grid, ticks: { show: false } }
    const most = Math.max(...bars, ...values.flat().map((value) => value ?? 0))

    const drawBars = (plot: uPlot) => {
      const { ctx } = plot
      ctx.save()
      ctx.strokeStyle = color('--text')
      ctx.lineWidth = 2 * devicePixelRatio
      for (const [mode, bar] of bars.entries()) {
        const y = plot.valToPos(bar, 'y', true)
        ctx.beginPath()
        ctx.moveTo(plot.valToPos(mode - 0.4, 'x', true), y)
        ctx.lineTo(plot.valToPos(mode + 0.4, 'x', true), y)
        ctx.stroke()
      }
      ctx.restore()
    }

    /** Under the cursor, of the whole group. */
    const figure = (client: number) => (plot: uPlot) => {
      const x = plot.cursor.idx
      const mode = x === null || x === undefined ? undefined : points[x]?.mode
      return mode === undefined ? '' : (values[client]?.[mode]?.toFixed(2) ?? '–')
    }
    const options: uPlot.Options = {
      width: widthOf(target),
      height: HEIGHT,
      padding: [12, 12, 0, 0],
      cursor: { points: { show: false }, y: false, drag: { setScale: false } },
      scales: {
        x: { time: false, range: [-0.5, modes.length - 0.5] },
        // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- the library has the enum in its types only
        y: log ? { distr: 3, range: [0.9, most * 1.2] } : { range: [0, Math.max(1, most) * 1.06] },
      },
      axes: [
        {
          ...axis,
          size: 80,
          grid: { show: false },
          splits: modes.map((_, mode) => mode),
          values: () => modes.map(inLines),
        },
        {
          ...axis,
          size: 44,
          ...(log && {
            splits: [1, 2, 5, 10, 20, 50, 100].filter((value) => value < most * 1.2),
            values: (_plot: uPlot, ticks: number[]) => ticks.map(String),
          }),
        },
      ],
      series: [
        { label: '', value: (_plot, x) => (x === null ? '' : (modes[Math.round(x)] ?? '')) },
        ...clients.map((label, client) => ({
          label,
          stroke: colorOf(client),
          fill: colorOf(client),
          paths: () => null,
          points: { show: true, size: label === 'aplomb' ? 11 : 8, fill: colorOf(client), width: 0 },
          value: figure(client),
        })),
      ],
      hooks: { drawAxes: [drawBars] },
    }
    return new Plot(options, [xs, ...series], target)
  }

  let plots: uPlot[] = []
  const drawAll = () => {
    for (const plot of plots) plot.destroy()
    plots = []
    for (const chart of charts) {
      const target = document.getElementById(chart.id)
      if (target !== null) plots.push(draw(chart, target))
    }
  }
  const resize = () => {
    for (const plot of plots) {
      const target = plot.root.parentElement
      if (target !== null) plot.setSize({ width: widthOf(target), height: HEIGHT })
    }
  }
  drawAll()
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll)
  addEventListener('resize', resize)
}
