import 'uplot/dist/uPlot.min.css'
import { useComputedColorScheme } from '@mantine/core'
import { useElementSize } from '@mantine/hooks'
import { useEffect, useRef } from 'react'
import uPlot from 'uplot'

export interface Series {
  readonly label: string
  /** A colour of the palette: red, teal, harbour … */
  readonly color: string
  readonly values: readonly (number | null)[]
  readonly fill?: boolean
}

/**
 * Lines over time. Dragging over a part zooms in: `onZoom` gets it in seconds since 1970. For those who do not see it, the
 * table beside has the same figures.
 */
export function Chart({
  label,
  times,
  series,
  unit = '',
  height = 220,
  onZoom,
  together,
}: {
  label: string
  /** Seconds since 1970, ascending. */
  times: readonly number[]
  series: readonly Series[]
  unit?: string
  height?: number
  onZoom?: (since: number, until: number) => void
  /** Charts of one name show the same moment while somebody points at one of them. */
  together?: string
}) {
  const { ref, width } = useElementSize()
  const holder = useRef<HTMLDivElement>(null)
  const drawn = useRef<uPlot | undefined>(undefined)
  const scheme = useComputedColorScheme('light')
  const latest = useRef({ times, series, onZoom })
  latest.current = { times, series, onZoom }
  const looks = series.map(({ label: name, color, fill }) => `${name}|${color}|${fill === true}`).join('\n')

  // biome-ignore lint/correctness/useExhaustiveDependencies: `looks` stands for what of the series is more than their values
  useEffect(() => {
    const element = holder.current
    if (element === null || width === 0) return
    const style = getComputedStyle(document.documentElement)
    const colour = (name: string, shade: number): string =>
      style.getPropertyValue(`--mantine-color-${name}-${shade}`).trim()
    const text = scheme === 'dark' ? colour('dark', 1) : colour('gray', 7)
    const line = scheme === 'dark' ? colour('dark', 4) : colour('gray', 2)
    const axis = { stroke: text, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } }
    const plot = new uPlot(
      {
        width,
        height,
        padding: [8, 20, 0, 0],
        cursor: {
          drag: { x: true, y: false, setScale: false },
          points: { size: 6 },
          ...(together !== undefined && { sync: { key: together, filters: { pub: isMove, sub: isMove } } }),
        },
        legend: { live: true },
        scales: { y: { range: (_plot, _least, most) => [0, Math.max(1, most * 1.1)] } },
        axes: [
          { ...axis, space: 64, values: (_plot, ticks, _axis, _space, step) => timesOf(ticks, step) },
          {
            ...axis,
            size: unit === '' ? 56 : 68,
            values: (_plot, ticks) => ticks.map((tick) => `${compact(tick)}${unit}`),
          },
        ],
        series: [
          { value: (_plot: uPlot, value: number | null) => (value === null ? '–' : moment.format(value * 1000)) },
          ...latest.current.series.map(({ label: name, color, fill }) => {
            const stroke = colour(color, scheme === 'dark' ? 4 : 6)
            return {
              label: name,
              stroke,
              width: 1.5,
              spanGaps: false,
              points: { show: true, size: 4, fill: stroke, filter: lonely },
              value: (_plot: uPlot, value: number | null) => (value === null ? '–' : `${compact(value)}${unit}`),
              ...(fill && { fill: `${stroke}22` }),
            }
          }),
        ],
        hooks: {
          setSelect: [
            (plot) => {
              const { left, width: wide } = plot.select
              if (wide < 8) return
              latest.current.onZoom?.(plot.posToVal(left, 'x'), plot.posToVal(left + wide, 'x'))
              plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false)
            },
          ],
        },
      },
      toData(latest.current),
      element,
    )
    drawn.current = plot
    return () => {
      drawn.current = undefined
      plot.destroy()
    }
  }, [looks, unit, height, width, scheme, together])

  // New figures alone: the chart stays, and with it the moment that somebody points at.
  useEffect(() => drawn.current?.setData(toData({ times, series })), [times, series])

  return (
    <div ref={ref} style={{ minHeight: height + 30 }}>
      <div ref={holder} role="img" aria-label={label} />
    </div>
  )
}

/** What charts tell one another: where somebody points, and not what is dragged. */
const isMove = (type: string): boolean => type === 'mousemove' || type === 'mouseleave'

const toData = ({ times, series }: { times: readonly number[]; series: readonly Series[] }) =>
  [times, ...series.map(({ values }) => values)] as uPlot.AlignedData

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
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })
const numbers = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 })

/** 1.2K, 3.4M: for axes and tiles. */
export const compact = (value: number): string => numbers.format(value)
