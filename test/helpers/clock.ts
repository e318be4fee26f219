import type { Clock } from '../../src/clock.ts'

/** A clock that stands still until the test moves it. */
export interface TestClock extends Clock {
  /** Moves both times on by so many milliseconds. */
  advance(ms: number): void
  /** Sets the wall clock alone, by so many milliseconds forward or, below zero, back. */
  set(ms: number): void
}

/** @param startMs wall-clock time at the beginning, in milliseconds since the epoch. */
export function testClock(startMs = Date.UTC(2026, 0, 15, 12)): TestClock {
  let passedMs = 0
  let setMs = 0
  return {
    now: () => startMs + passedMs + setMs,
    monotonic: () => 1000 + passedMs,
    advance(ms) {
      passedMs += ms
    },
    set(ms) {
      setMs += ms
    },
  }
}
