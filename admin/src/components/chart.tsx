import 'uplot/dist/uPlot.min.css'
import { useComputedColorScheme } from '@mantine/core'
import { useElementSize } from '@mantine/hooks'
import { useEffect, useMemo, useRef, useState } from 'react'
import uPlot from 'uplot'
import { barsOf, stacked } from './chart-bars.ts'
import { ChartLegend, ChartTooltip } from './chart-parts.tsx'
import { plotOptions } from './chart-plot.ts'
import { colourOf, type Series } from './series.ts'

export interface ChartProps {
  /** What it shows, for those who do not see it; the table beside has the same figures. */
  readonly label: string
  /** Seconds since 1970, ascending: the beginnings of intervals that are equally long. */
  readonly times: readonly number[]
  /** Bars: counts that stand on one another, the lowest first. Lines: the highest first. */
  readonly series: readonly Series[]
  readonly kind: 'bars' | 'lines'
  readonly format?: (value: number) => string
  readonly height?: number
  /** Somebody has dragged over a part; in seconds since 1970. */
  readonly onZoom?: (since: number, until: number) => void
  /** Charts of one name show the same moment while somebody points at one of them. */
  readonly together?: string
}

/** What happened over time. Pointing at a moment tells its figures, the names below it hide and show their part. */
export function Chart({ label, times, series, kind, format = compact, height = 200, onZoom, together }: ChartProps) {
  const { ref, width } = useElementSize()
  const holder = useRef<HTMLDivElement>(null)
  const drawn = useRef<uPlot | undefined>(undefined)
  const scheme = useComputedColorScheme('light')
  const [hidden, setHidden] = useState<ReadonlySet<string>>(nothing)
  const [pointed, setPointed] = useState<{ index: number; left: number } | undefined>(undefined)

  const shown = useMemo(() => series.filter(({ label: name }) => !hidden.has(name)), [series, hidden])
  const plotted = useMemo(() => plottedOf(kind, times, shown, width), [kind, times, shown, width])
  const latest = useRef({ plotted, onZoom })
  latest.current = { plotted, onZoom }
  const looks = shown.map(({ label: name, color, shades }) => `${name}|${color}|${shades}`).join('\n')

  // biome-ignore lint/correctness/useExhaustiveDependencies: `looks` stands for what of the series is more than their values
  useEffect(() => {
    const element = holder.current
    if (element === null || width === 0) return
    const style = getComputedStyle(document.documentElement)
    const value = (name: string): string => style.getPropertyValue(name).trim()
    const strokes = shown.map((one) => value(colourOf(one, scheme)))
    const options = plotOptions({
      ...{ kind, width, height, format, together },
      strokes: kind === 'bars' ? strokes.reverse() : strokes,
      text: value(scheme === 'dark' ? '--mantine-color-dark-1' : '--mantine-color-gray-7'),
      line: value(scheme === 'dark' ? '--mantine-color-dark-4' : '--mantine-color-gray-2'),
      step: () => latest.current.plotted.step,
      onPoint: (at) => setPointed((before) => (before?.index === at?.index && before?.left === at?.left ? before : at)),
      onZoom: (since, until) => latest.current.onZoom?.(since, until),
    })
    const plot = new uPlot(options, latest.current.plotted.data, element)
    drawn.current = plot
    return () => {
      drawn.current = undefined
      setPointed(undefined)
      plot.destroy()
    }
  }, [looks, kind, format, height, width, scheme, together])

  // New figures alone: the chart stays, and with it the moment that somebody points at.
  useEffect(() => drawn.current?.setData(plotted.data), [plotted])

  return (
    <div>
      <div ref={ref} style={{ position: 'relative', height }}>
        <div ref={holder} role="img" aria-label={label} />
        {pointed !== undefined && (
          <ChartTooltip
            at={plotted.times[pointed.index]}
            step={plotted.step}
            left={pointed.left}
            width={width}
            isSum={kind === 'bars'}
            figures={shown.map((one, index) => ({
              label: one.label,
              colour: `var(${colourOf(one, scheme)})`,
              value: plotted.values[index]?.[pointed.index] ?? null,
            }))}
            format={format}
          />
        )}
      </div>
      <ChartLegend
        series={series.map((one) => ({ label: one.label, colour: `var(${colourOf(one, scheme)})` }))}
        hidden={hidden}
        onChange={setHidden}
      />
    </div>
  )
}

const nothing: ReadonlySet<string> = new Set()

function plottedOf(kind: ChartProps['kind'], times: readonly number[], shown: readonly Series[], width: number) {
  if (kind === 'lines') {
    const values = shown.map((one) => one.values)
    const [first = 0, second = first] = times
    return { step: second - first, times, values, data: [times, ...values] as uPlot.AlignedData }
  }
  const bars = barsOf(
    times,
    shown.map(({ values }) => values),
    Math.max(24, Math.floor(width / 7)),
  )
  return { ...bars, data: [bars.times, ...stacked(bars.values).reverse()] as uPlot.AlignedData }
}

const numbers = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 })

/** 1.2K, 3.4M: for axes and tiles. */
export const compact = (value: number): string => numbers.format(value)

/** How long something took, as exactly as it is known: sums of it are estimated from classes of durations. */
export function roughly(ms: number): string {
  if (ms > 0 && ms < 1) return '< 1 ms'
  return ms < 1000 ? `${Math.round(ms)} ms` : `${compact(ms / 1000)} s`
}
