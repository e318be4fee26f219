/** A small bench of one part of the product. */
export interface Scenario {
  /** One line: what is measured. */
  readonly about: string
  open(): Promise<Opened>
}

export interface Opened extends AsyncDisposable {
  readonly cases: readonly Case[]
}

export interface Case {
  readonly name: string
  /**
   * Does the work `times` times. @returns a number that depends on every result, so that none of the work can be left out.
   * It throws when a result is not what it should be: a quick wrong answer is not a figure.
   */
  run(times: number): number | Promise<number>
}
