import { Transform, type TransformCallback } from 'node:stream'

/** A body went beyond the number of bytes that its route allows. */
export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge'
}

/** Lets a body of unknown length through up to a number of bytes; the chunk that goes beyond is not passed on. */
export class BodyLimit extends Transform {
  readonly #bytesMax: number
  #bytes = 0

  constructor(bytesMax: number) {
    super()
    this.#bytesMax = bytesMax
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#bytes += chunk.length
    if (this.#bytes > this.#bytesMax) done(new BodyTooLarge())
    else done(null, chunk)
  }
}
