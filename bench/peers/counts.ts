import { createServer } from 'node:http'

/** Counts answers by status and shows them as Prometheus text on a port of their own. The process ends with the bench. */
export function countsOnPort(port: number): (status: number) => void {
  const counts = new Map<number, number>()
  const text = () => [...counts].map(([status, n]) => `requests_total{status="${status}"} ${n}\n`).join('')
  createServer((_, response) => response.end(text())).listen(port, '127.0.0.1')
  endWithTheBench()
  return (status) => counts.set(status, (counts.get(status) ?? 0) + 1)
}

/** Nothing is left running when the bench is killed: the channel to it closes then. */
export function endWithTheBench(): void {
  process.once('disconnect', () => process.exit(0))
  process.once('SIGTERM', () => process.exit(0))
}
