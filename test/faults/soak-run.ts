import { isFlat, soak } from './soak.ts'

/** Soaks for as long as `npm run faults -- --soak` asks for, and prints what came of it. @returns whether all is well. */
export async function runSoak(minutes: number): Promise<boolean> {
  const { processes, unexplained, complaints, ...figures } = await soak({
    minutes,
    progress: (line) => console.log(line),
  })
  console.log(JSON.stringify(figures, undefined, 2))
  console.table(processes)
  for (const one of complaints) console.log(`logged: ${one}`)
  for (const one of unexplained) console.log(`unexplained: ${one}`)
  const grown = processes.filter((one) => !isFlat(one))
  for (const { name } of grown) console.log(`${name} has grown`)
  return unexplained.length === 0 && grown.length === 0 && figures.events.valid
}
