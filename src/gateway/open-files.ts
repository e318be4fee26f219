import { readFileSync } from 'node:fs'

/** How many files and sockets this process may have open. Where the system does not tell, what is common. */
export function openFilesMax(): number {
  try {
    const soft = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
    if (soft !== undefined) return soft === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(soft)
  } catch {
    // Not Linux.
  }
  return 10_240
}
