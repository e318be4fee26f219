/** Something that is in one queue at most. */
export interface Queued<Item> {
  queue: { remove(item: Item): void } | undefined
  before: Item | undefined
  behind: Item | undefined
}

/** In the order in which they were added; adding, removing and looking who is first take no memory and no search. */
export class Queue<Item extends Queued<Item>> {
  first: Item | undefined
  #last: Item | undefined

  /** To the end of this queue, out of the one that it is in. */
  add(item: Item): void {
    item.queue?.remove(item)
    item.queue = this
    item.before = this.#last
    if (this.#last === undefined) this.first = item
    else this.#last.behind = item
    this.#last = item
  }

  /** @param item must be in this queue. */
  remove(item: Item): void {
    if (item.before === undefined) this.first = item.behind
    else item.before.behind = item.behind
    if (item.behind === undefined) this.#last = item.before
    else item.behind.before = item.before
    item.queue = undefined
    item.before = undefined
    item.behind = undefined
  }
}
