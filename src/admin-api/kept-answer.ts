import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { SecretBox } from '../keys/secret-box.ts'
import type { KeptAnswer } from '../store/idempotency-store.ts'

/** A request with an Idempotency-Key that has the lease. */
export interface Running {
  readonly id: string
  readonly lease: string
  readonly fingerprint: string
  /** Takes the Idempotency-Key to derive, which nobody else has. */
  readonly box: SecretBox
}

/** Those from their start to their answer. */
export const running = new WeakMap<FastifyRequest, Running>()

const answer = z.object({
  fingerprint: z.string(),
  status: z.number(),
  headers: z.record(z.string(), z.string()),
  body: z.string(),
})
export type Answer = z.output<typeof answer>

export const sealAnswer = ({ id, box }: Running, sent: Answer): KeptAnswer => ({
  sealed: box.seal(Buffer.from(JSON.stringify(sent)), id),
  sealedWith: box.masterKeyId,
})

/** @throws SealBroken */
export const openAnswer = ({ id, box }: Pick<Running, 'id' | 'box'>, sealed: Uint8Array): Answer =>
  answer.parse(JSON.parse(box.open(sealed, id).toString()))
