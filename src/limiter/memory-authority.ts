import type { Clock } from '../clock.ts'
import type { Counter, Grant, Holding, LimitAuthority, Want } from './authority.ts'
import { type Charge, LimiterUnavailable } from './limiter.ts'
import type { MemoryLimiter } from './memory.ts'

export interface MemoryAuthority {
  /**
   * A further holder, with an authority of its own to ask: what comes over its wire is passed to that. To close it is to
   * say that the holder is gone: what it held stays spent until the window ends.
   */
  connect(): LimitAuthority
}

export interface MemoryAuthorityOptions {
  /** Its counters are the truth. It may be charged by itself too. */
  readonly limiter: MemoryLimiter
  readonly clock: Pick<Clock, 'monotonic'>
  /** How long a refusal waits for holders to give back what they have. */
  readonly recallMs?: number
}

/** Counters in the memory of one process that several others spend from. Answers at once, unless it has to call back. */
export function createMemoryAuthority({ limiter, clock, recallMs = 100 }: MemoryAuthorityOptions): MemoryAuthority {
  /** Goes with its window. */
  const books = new WeakMap<object, Book>()
  let windows = 0

  const bookOf = ({ limit, bucket }: Counter): Book | undefined => {
    const window = limiter.windowOf(limit, bucket)
    return window && books.get(window)
  }

  const openBook = ({ limit, bucket }: Counter): Book => {
    const window = limiter.windowOf(limit, bucket)
    const there = window && books.get(window)
    if (there) return there
    const book: Book = { id: `${++windows}`, held: new Map(), silent: new Set(), calmUntil: 0, recall: undefined }
    if (window) books.set(window, book)
    return book
  }

  /** What of the cost the holder has paid for already, by what it was given and not by what it says. */
  const settle = (holder: Holder, want: Want): number => {
    const book = bookOf(want)
    if (book === undefined || book.id !== want.window) return 0
    const held = Math.max(0, (book.held.get(holder) ?? 0) - want.spent)
    book.held.set(holder, held)
    answerIfBack(book, holder)
    return Math.max(0, Math.min(want.covered, held))
  }

  const takeOnce = (holder: Holder, wants: readonly Want[]): Taken => {
    const covered = wants.map((want) => settle(holder, want))
    const charges = wants.map((want, index): Charge => ({ ...want, cost: want.cost - (covered[index] ?? 0) }))
    const states = limiter.charge(charges)
    const refused = states.some(({ exceeded }) => exceeded)
    const missing: Missing[] = []
    const grants = states.map((state, index): Grant => {
      const want = wants[index] as Want
      if (refused) {
        const book = bookOf(want)
        const others = book === undefined ? [] : holdersToAsk(book, holder)
        const back = others.reduce((sum, other) => sum + (book?.held.get(other) ?? 0), 0)
        // Written from what is left, which is 0 also where a limit was lowered below what is used.
        const need = (charges[index] as Charge).cost
        if (state.exceeded && book && back > 0 && need <= state.remaining + back) missing.push({ book, others, want })
        const returned = covered[index] ?? 0
        // What the holder itself was given may still be on its way to it.
        const own = (book?.held.get(holder) ?? 0) - returned
        const final = state.exceeded && back === 0 && own <= 0
        return { ...state, granted: 0, returned, final, window: book?.id ?? '' }
      }
      const book = openBook(want)
      const granted = affordable(want, state.remaining, clock.monotonic() < book.calmUntil)
      if (granted > 0) limiter.charge([{ ...want, cost: granted }])
      book.held.set(holder, (book.held.get(holder) ?? 0) - (covered[index] ?? 0) + granted)
      answerIfBack(book, holder)
      return { ...state, remaining: state.remaining - granted, granted, returned: 0, final: false, window: book.id }
    })
    return { grants, missing }
  }

  const callBack = ({ book, others, want }: Missing): Promise<void> => {
    book.calmUntil = clock.monotonic() + calmMs
    if (book.recall !== undefined) return book.recall.over
    const { promise: over, resolve } = Promise.withResolvers<void>()
    const recall: Recall = { over, pending: new Set(others), end }
    const deadline = setTimeout(end, recallMs)
    function end(): void {
      clearTimeout(deadline)
      for (const other of recall.pending) book.silent.add(other)
      book.recall = undefined
      resolve()
    }
    book.recall = recall
    for (const other of others) other.recall?.([{ limit: want.limit, bucket: want.bucket }])
    return over
  }

  const giveBack = (holder: Holder, { limit, bucket, window, tokens, spent }: Holding): void => {
    const book = bookOf({ limit, bucket })
    if (book === undefined) return
    if (book.id === window) {
      const held = book.held.get(holder) ?? 0
      const back = Math.max(0, Math.min(tokens, held))
      const at = limiter.windowOf(limit, bucket)
      if (at) limiter.refund(limit, bucket, at, back)
      book.held.set(holder, Math.max(0, held - back - Math.max(0, spent)))
    }
    answerIfBack(book, holder)
  }

  return {
    connect() {
      const holder: Holder = { recall: undefined, gone: false }
      const check = (): void => {
        if (holder.gone) throw new LimiterUnavailable('this holder has been closed')
      }
      return {
        take(wants) {
          check()
          const first = takeOnce(holder, wants)
          if (first.missing.length === 0) return first.grants
          // What it pays with others may need as well: two that wait for each other would wait in vain.
          for (const [index, { limit, bucket, window }] of wants.entries()) {
            giveBack(holder, { limit, bucket, window, tokens: first.grants[index]?.returned ?? 0, spent: 0 })
          }
          return Promise.all(first.missing.map(callBack)).then(() => {
            check()
            return takeOnce(holder, wants.map(payingAll)).grants
          })
        },
        peek: (charges) => limiter.peek(charges),
        giveBack(holdings) {
          if (!holder.gone) for (const holding of holdings) giveBack(holder, holding)
        },
        onRecall(listener) {
          holder.recall = listener
        },
        async close() {
          holder.gone = true
        },
      }
    },
  }
}

interface Holder {
  recall: ((counters: readonly Counter[]) => void) | undefined
  gone: boolean
}

/** Who holds how much of one counter in one window. */
interface Book {
  readonly id: string
  readonly held: Map<Holder, number>
  /** Those that have not given back in time: they are not waited for again in this window, unless they do it late. */
  readonly silent: Set<Holder>
  /** After a recall nothing is handed out in advance for a while. */
  calmUntil: number
  recall: Recall | undefined
}

interface Recall {
  readonly over: Promise<void>
  readonly pending: Set<Holder>
  readonly end: () => void
}

interface Missing {
  readonly book: Book
  readonly others: readonly Holder[]
  readonly want: Want
}

interface Taken {
  readonly grants: readonly Grant[]
  /** Counters that would have had room, had others not held tokens of them. */
  readonly missing: readonly Missing[]
}

const holdersToAsk = (book: Book, asker: Holder): Holder[] =>
  [...book.held].flatMap(([holder, tokens]) =>
    holder !== asker && tokens > 0 && !holder.gone && !book.silent.has(holder) ? [holder] : [],
  )

function answerIfBack(book: Book, holder: Holder): void {
  if ((book.held.get(holder) ?? 0) > 0) return
  book.silent.delete(holder)
  if (book.recall?.pending.delete(holder) && book.recall.pending.size === 0) book.recall.end()
}

/** What was told with a first call must not be told again. */
const payingAll = (want: Want): Want => ({ ...want, covered: 0, spent: 0 })

/** The less is left the less is handed out in advance, and the last few only to requests that are there. */
function affordable({ waiting, extra }: Want, remaining: number, calm: boolean): number {
  if (calm) return 0
  const asked = Math.max(0, Math.min(waiting, remaining))
  return asked + Math.max(0, Math.min(extra, Math.floor((remaining - asked) / 8)))
}

const calmMs = 1000
