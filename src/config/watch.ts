import { dirname, resolve } from 'node:path'
import { watch } from 'chokidar'

export interface ConfigWatch {
  /** From here on no change is missed. */
  readonly ready: Promise<void>
  /** From now on these are watched with it, and no others: certificates, which are renewed in place. */
  also(files: readonly string[]): void
  close(): Promise<void>
}

/**
 * Calls back when the file may have changed: written in place, replaced by a rename as editors do, or swapped through a
 * symbolic link as Kubernetes does with a mounted ConfigMap. Several changes within a moment are one call.
 * It only watches; whether the content differs, and whether it is any good, is for the caller to find out.
 * @param settleMs how long the file must have been left alone.
 */
export function watchConfig(
  file: string,
  onChange: () => void,
  { settleMs = 100, onError = () => {} }: WatchOptions = {},
): ConfigWatch {
  const path = resolve(file)
  let timer: NodeJS.Timeout | undefined
  let others: ReadonlySet<string> = new Set()
  let closed = false
  const changed = (): void => {
    if (closed) return
    clearTimeout(timer)
    timer = setTimeout(onChange, settleMs)
  }
  const watcher = watch(placesOf([path]), { ignoreInitial: true, depth: 0, persistent: true })
  // An empty file is mostly one that is being written, and a missing one about to be there again: the next event tells.
  watcher.on('add', changed).on('change', changed).on('addDir', changed).on('unlinkDir', changed).on('error', onError)
  const ready = new Promise<void>((resolve) => void watcher.once('ready', () => resolve()))
  return {
    ready,
    also(files) {
      if (closed) return
      const wanted = new Set(placesOf(files))
      for (const own of placesOf([path])) wanted.delete(own)
      watcher.unwatch([...others].filter((place) => !wanted.has(place)))
      watcher.add([...wanted].filter((place) => !others.has(place)))
      others = wanted
    },
    async close() {
      closed = true
      clearTimeout(timer)
      await watcher.close()
    },
  }
}

/** Kubernetes: gateway.yaml → ..data/gateway.yaml, ..data → ..2026_01_01; only `..data` is ever replaced, in the same folder. */
const placesOf = (files: readonly string[]): string[] =>
  files.flatMap((file) => [resolve(file), resolve(dirname(file), '..data')])

export interface WatchOptions {
  readonly settleMs?: number
  readonly onError?: (error: unknown) => void
}
