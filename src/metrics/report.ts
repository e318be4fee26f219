import { AggregatorRegistry, type MetricObjectWithValues, type MetricValue, type Registry } from 'prom-client'

/** The metrics of one process as plain data, to be summed up with those of others. */
export type MetricsReport = readonly MetricObjectWithValues<MetricValue<string>>[]

export const reportOf = (registry: Registry): Promise<MetricsReport> => registry.getMetricsAsJSON()

/** Everything in the Prometheus text format; each metric is summed up in its own way (`aggregator`). */
export const textOf = (reports: readonly MetricsReport[]): Promise<string> =>
  AggregatorRegistry.aggregate(reports.map((report) => [...report])).metrics()

/** Counts of processes that have ended as one report. @param before the same of those that ended earlier. */
export const departed = (before: MetricsReport, last: MetricsReport): Promise<MetricsReport> =>
  reportOf(AggregatorRegistry.aggregate([[...before], [...last]]))
