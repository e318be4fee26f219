import { departed, type MetricsReport } from '../metrics/report.ts'

/** What workers that have ended had counted: sums over all workers never go down. */
export interface Counts {
  /** Takes in the last report of one that has ended. Resolves when it is summed up with the others. */
  depart(last: MetricsReport): Promise<void>
  /** To be summed up with what those report that are there. Complete from the moment that `depart` was called. */
  all(): MetricsReport[]
}

export function createCounts(): Counts {
  let gone: MetricsReport = []
  const departing = new Set<MetricsReport>()
  // One after the other: two that end at once would each add themselves to the same sum.
  let adding: Promise<void> = Promise.resolve()

  const add = async (last: MetricsReport): Promise<void> => {
    const sum = await departed(gone, last)
    gone = sum
    departing.delete(last)
  }

  return {
    depart(last) {
      const counted = countsOf(last)
      departing.add(counted)
      adding = adding.catch(() => {}).then(() => add(counted))
      return adding
    },
    all: () => [gone, ...departing],
  }
}

/** States went with the process. */
const countsOf = (report: MetricsReport): MetricsReport =>
  report.filter(({ type }) => String(type) === 'counter' || String(type) === 'histogram')
