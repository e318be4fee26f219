import type { LatencyColumn } from '../analytics-schema.ts'
import type { Grain } from '../analytics-store.ts'
import { bucketCount } from '../latency.ts'

export type Dimension = 'route' | 'key' | 'code'

/** The organization of sums over all of them. */
export const everywhere = '*'

export const grainMs: Readonly<Record<Grain, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 }

/** By what each dimension is summed, the finest first. Keys are too many for minutes. */
export const grainsOf: Readonly<Record<Dimension, readonly number[]>> = {
  route: [grainMs.minute, grainMs.hour],
  key: [grainMs.hour, grainMs.day],
  code: [grainMs.minute, grainMs.hour],
}

export const countColumns = ['requests', 'errors', 'denied', 'limited', 'bytes_in', 'bytes_out'] as const
export const latencyColumns = Array.from({ length: bucketCount }, (_, bucket): LatencyColumn => `latency_${bucket}`)
