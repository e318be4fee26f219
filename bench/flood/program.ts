import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

/** A process of our own, which has told that it is ready. */
export interface Program {
  readonly process: ChildProcess
  /** What it said with that. */
  readonly ready: string
}

/** Starts a Node.js program that sends one message when it is ready. @throws when it ends before. */
export async function startProgram(args: readonly string[]): Promise<Program> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const [ready] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`${args[0]} ended with ${code}`))),
  ])
  return { process: child, ready: String(ready) }
}

/** Tells it to end and waits until it has. @returns the last that it said. */
export async function stopProgram({ process: child }: Program): Promise<string> {
  let last = ''
  child.on('message', (message) => {
    last = String(message)
  })
  if (child.exitCode !== null || child.signalCode !== null) return last
  const gone = once(child, 'exit')
  if (child.connected) child.send('stop')
  const hard = setTimeout(() => child.kill('SIGKILL'), 10_000)
  await gone
  clearTimeout(hard)
  return last
}
