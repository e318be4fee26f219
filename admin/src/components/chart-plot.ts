import uPlot from 'uplot'

interface Look {
  readonly kind: 'bars' | 'lines'
  readonly width: number
  readonly height: number
  /** Colours that the canvas understands, in the order of the series. */
  readonly strokes: readonly string[]
  readonly text: string
  readonly line: string
  readonly format: (value: number) => string
  readonly together: string | undefined
  /** How long an interval is, in seconds. */
  readonly step: () => number
  /** Which interval somebody points at, and where it is from the left in pixels; undefined: none. */
  readonly onPoint: (at: { index: number; left: number } | undefined) => void
  readonly onZoom: (since: number, until: number) => void
}

/** How a chart is drawn. */
export function plotOptions(look: Look): uPlot.Options {
  const { kind, width, height, strokes, text, line, format, together, step } = look
  const isBars = kind === 'bars'
  const axis = { stroke: text, font, ticks: { show: false } }
  return {
    width,
    height,
    padding: [8, 22, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      drag: { x: true, y: false, setScale: false },
      points: { show: !isBars, size: 6 },
      // A bar begins at its time: what is right of that, up to the next one, is still this one.
      ...(isBars && { dataIdx: (plot, _series, closest, x) => begunAt(plot, closest, x) }),
      ...(together !== undefined && { sync: { key: together, filters: { pub: isMove, sub: isMove } } }),
    },
    scales: {
      x: { range: (_plot, least, most) => [least, isBars ? most + step() : Math.max(most, least + 1)] },
      y: { range: (_plot, _least, most) => [0, Math.max(1, (most ?? 0) * 1.08)] },
    },
    axes: [
      {
        ...axis,
        space: 70,
        size: (_plot, values) => (values?.some((value) => value.includes('\n')) ? 42 : 28),
        gap: 8,
        grid: { show: false },
        values: (_plot, ticks, _axis, _space, apart) => timesOf(ticks, apart),
      },
      {
        ...axis,
        space: 36,
        grid: { stroke: line, width: 1 },
        size: (_plot, values) => 14 + 7 * Math.max(2, ...(values ?? []).map((value) => value.length)),
        ...(isBars && { incrs: wholeSteps }),
        values: (_plot, ticks) => ticks.map(format),
      },
    ],
    series: [
      {},
      ...strokes.map((stroke) =>
        isBars
          ? { fill: stroke, width: 0, points: { show: false }, paths: bars }
          : {
              stroke,
              width: 1.5,
              fill: `${stroke}26`,
              spanGaps: false,
              points: { size: 4, fill: stroke, filter: lonely },
            },
      ),
    ],
    hooks: {
      setCursor: [
        (plot) => {
          const { idx, left = -1 } = plot.cursor
          const time = idx == null ? undefined : plot.data[0][idx]
          if (left < 0 || idx == null || time === undefined) return look.onPoint(undefined)
          const middle = plot.valToPos(time + (isBars ? step() / 2 : 0), 'x')
          look.onPoint({ index: idx, left: middle + plot.over.offsetLeft })
        },
      ],
      setSelect: [
        (plot) => {
          const { left, width: wide } = plot.select
          if (wide < 8) return
          look.onZoom(plot.posToVal(left, 'x'), plot.posToVal(left + wide, 'x'))
          plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false)
        },
      ],
    },
  }
}

const font = '12px -apple-system, BlinkMacSystemFont, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif'

const bars = uPlot.paths.bars?.({ align: 1, size: [0.8, 64] })

/** Of things that are counted there are no halves. */
const wholeSteps = Array.from({ length: 13 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat()

function begunAt(plot: uPlot, closest: number, x: number): number {
  const time = plot.data[0][closest]
  return time !== undefined && time > x && closest > 0 ? closest - 1 : closest
}

/** What charts tell one another: where somebody points, and not what is dragged. */
const isMove = (type: string): boolean => type === 'mousemove' || type === 'mouseleave'

/** A value with nothing on either side has no line: it gets a dot. */
function lonely(plot: uPlot, index: number): number[] {
  const values = plot.data[index] ?? []
  return Array.from(values.keys()).filter(
    (at) => values[at] != null && values[at - 1] == null && values[at + 1] == null,
  )
}

/** The hour by 24, and the day where it begins; days alone where ticks are that far apart. */
function timesOf(ticks: readonly number[], step: number): string[] {
  return ticks.map((tick, index) => {
    const day = days.format(tick * 1000)
    if (step >= 86_400) return day
    const before = ticks[index - 1]
    const isNewDay = before === undefined || days.format(before * 1000) !== day
    return isNewDay ? `${hours.format(tick * 1000)}\n${day}` : hours.format(tick * 1000)
  })
}

const hours = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
const days = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' })
