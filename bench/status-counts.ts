/** Sums a Prometheus counter by its `status` label. */
export function statusCounts(text: string, metric: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const line of text.split('\n')) {
    if (!line.startsWith(`${metric}{`)) continue
    const status = /[{,]status="([^"]*)"/.exec(line)?.[1] ?? ''
    counts.set(status, (counts.get(status) ?? 0) + Number(line.slice(line.lastIndexOf('}') + 1)))
  }
  return counts
}
