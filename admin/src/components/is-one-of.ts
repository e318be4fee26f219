/** Of a text from the address: whether it is one of these. */
export const isOneOf = <Value extends string>(values: readonly Value[], text: string): text is Value =>
  values.some((value) => value === text)
