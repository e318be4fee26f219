import { AggregatorRegistry, type MetricObjectWithValues, type MetricValue, type Registry } from 'prom-client'

/** The metrics of one process as plain data, to be summed up with those of others. */
export type MetricsReport = readonly MetricObjectWithValues<MetricValue<string>>[]

export const reportOf = (registry: Registry): Promise<MetricsReport> => registry.getMetricsAsJSON()

/** The same of some metrics alone, without the work of collecting the others. */
export async function partOf(registry: Registry, names: readonly string[]): Promise<MetricsReport> {
  const metrics = names.map((name) => registry.getSingleMetric(name))
  return Promise.all(metrics.flatMap((metric) => (metric ? [metric.get()] : [])))
}

/** Everything in the Prometheus text format; each metric is summed up in its own way (`aggregator`). */
export const textOf = (reports: readonly MetricsReport[]): Promise<string> =>
  AggregatorRegistry.aggregate(reports.map((report) => [...report])).metrics()

/** The values of metrics without labels, summed up alike. One of which nothing is known is left out. */
export async function valuesIn(
  reports: readonly MetricsReport[],
  names: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const parts = reports.map((report) => report.filter(({ name }) => names.includes(name)))
  const summed = await reportOf(AggregatorRegistry.aggregate(parts))
  return new Map(summed.flatMap(({ name, values: [first] }) => (first ? [[name, first.value]] : [])))
}

/** Counts of processes that have ended as one report. @param before the same of those that ended earlier. */
export const departed = (before: MetricsReport, last: MetricsReport): Promise<MetricsReport> =>
  reportOf(AggregatorRegistry.aggregate([[...before], [...last]]))
