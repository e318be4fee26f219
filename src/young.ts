import { setFlagsFromString } from 'node:v8'

/**
 * Once in each process that carries requests. Where what was made has lived long, V8 makes the next at once in its old generation.
 * While a gateway starts nearly everything lives long, and requests are made of the same things: they were dead a moment
 * later, stayed all the same, and kept alive what they pointed to (docs/decisions/0004-what-made-it-faster.md).
 */
export function letRequestsDieYoung(): void {
  setFlagsFromString('--no-allocation-site-pretenuring')
}
