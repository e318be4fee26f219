/**
 * The promise's outcome, or a rejection when there is none after `limitMs`. What the promise does later is ignored, also
 * when it rejects.
 * @throws TimeLimitPassed
 */
export async function withTimeLimit<T>(promise: Promise<T>, limitMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const passed = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TimeLimitPassed(`no answer within ${limitMs} ms`)), limitMs)
  })
  try {
    return await Promise.race([promise, passed])
  } finally {
    clearTimeout(timer)
  }
}

export class TimeLimitPassed extends Error {
  override readonly name = 'TimeLimitPassed'
}
