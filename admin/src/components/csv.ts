import { save } from './secret-once.tsx'

/** A cell that begins like a formula would be run by a spreadsheet: an apostrophe keeps it text. */
function cell(value: unknown): string {
  const text =
    value === null || value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value)
  const safe = /^[=+\-@\t\r]/.test(text) && !/^-?\d+(\.\d+)?$/.test(text) ? `'${text}` : text
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** Saves what a table shows as CSV (RFC 4180). */
export function saveCsv<Item>(
  filename: string,
  columns: Readonly<Record<string, (item: Item) => unknown>>,
  items: readonly Item[],
): void {
  const names = Object.keys(columns)
  const lines = [
    names.map(cell).join(','),
    ...items.map((item) => names.map((name) => cell(columns[name]?.(item))).join(',')),
  ]
  save(`${lines.join('\r\n')}\r\n`, filename, 'text/csv')
}
