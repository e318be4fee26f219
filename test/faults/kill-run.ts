import { killAtRandom } from './kills.ts'

/** Kills so many processes as `npm run faults` asks for, says how it goes, and what came of it. @returns whether all is well. */
export async function runKills(rounds: number): Promise<boolean> {
  let well = true
  for (const [store, part] of [
    ['postgres', 0.8],
    ['sqlite', 0.2],
  ] as const) {
    const report = await killAtRandom({
      store,
      rounds: Math.round(rounds * part),
      progress: (line) => console.log(`${store} ${line}`),
    })
    console.log(JSON.stringify({ store, ...report }, undefined, 2))
    well &&= report.faults.length === 0
  }
  return well
}
