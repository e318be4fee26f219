/** One thing that a chart shows over time. */
export interface Series {
  readonly label: string
  /** A colour of the palette: red, teal, harbour … */
  readonly color: string
  /** Which shade of it in light and in dark colours. */
  readonly shades?: readonly [light: number, dark: number]
  readonly values: readonly (number | null)[]
}

type Looks = Pick<Series, 'label' | 'color' | 'shades'>

/** What can come of a request, by the same name and in the same colour wherever it is told. */
export const outcomes = {
  allowed: { label: 'Allowed', color: 'teal' },
  denied: { label: 'Denied', color: 'orange' },
  limited: { label: 'Over a limit', color: 'grape' },
  errors: { label: 'Errors', color: 'red' },
} as const satisfies Readonly<Record<string, Looks>>

interface Counts {
  readonly requests: number
  readonly denied: number
  readonly limited: number
  readonly errors: number
}

/** What became of all requests, as parts of a whole. */
export function outcomeSeries(buckets: readonly Counts[]): Series[] {
  const { allowed, denied, limited, errors } = outcomes
  return [
    { ...allowed, values: buckets.map(allowedOf) },
    { ...denied, values: buckets.map((bucket) => bucket.denied) },
    { ...limited, values: buckets.map((bucket) => bucket.limited) },
    { ...errors, values: buckets.map((bucket) => bucket.errors) },
  ]
}

const allowedOf = ({ requests, denied, limited, errors }: Counts): number =>
  Math.max(0, requests - denied - limited - errors)

/** The CSS variable that has the colour. */
export const colourOf = (
  { color, shades = [7, 5] }: Pick<Series, 'color' | 'shades'>,
  scheme: 'light' | 'dark',
): string => `--mantine-color-${color}-${shades[scheme === 'light' ? 0 : 1]}`
