/** Where the time comes from. Everything that decides takes `now` from here, so that a test can set it. */
export interface Clock {
  /** Wall-clock time in milliseconds since the epoch. */
  now(): number
  /** A clock that never goes back, in milliseconds with a fraction; its zero means nothing. */
  monotonic(): number
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
}
