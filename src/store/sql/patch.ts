import { canonicalJson } from '../event-chain.ts'
import { type Metadata, type Precondition, StoreChanged } from '../store.ts'

/**
 * What a patch really changes: the fields to set, and the two sides for the audit trail. Fields that the patch leaves out,
 * or sets to what they are, are in neither. @returns undefined when nothing changes.
 */
export function difference<T extends object>(current: T, wanted: Partial<T>): Difference<T> | undefined {
  const changed: Partial<T> = {}
  const before: Record<string, unknown> = {}
  const after: Record<string, unknown> = {}
  for (const name of Object.keys(wanted) as (keyof T & string)[]) {
    const value = wanted[name]
    if (value === undefined || canonicalJson(value) === canonicalJson(current[name])) continue
    changed[name] = value
    before[snake(name)] = current[name]
    after[snake(name)] = value
  }
  return Object.keys(changed).length === 0 ? undefined : { changed, before, after }
}

/** @throws StoreChanged when the precondition does not hold. */
export function requireThat<T>(holds: Precondition<T> | undefined, current: T): void {
  if (holds !== undefined && !holds(current)) throw new StoreChanged('it has changed since it was read')
}

export interface Difference<T> {
  readonly changed: Partial<T>
  /** Names as outside: snake_case. */
  readonly before: Metadata
  readonly after: Metadata
}

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
