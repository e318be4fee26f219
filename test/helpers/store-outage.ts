import { DatabaseSync } from 'node:sqlite'

/**
 * Makes every statement of a store fail, from outside and for every process that has the file open: all its tables get
 * other names. @returns a function that gives them back.
 */
export function breakStore(file: string): () => void {
  const tables = rename(file, (name) => `outage_${name}`)
  if (tables.length === 0) throw new Error('the store has no tables to break')
  return () => void rename(file, (name) => name.replace(/^outage_/, ''))
}

function rename(file: string, to: (name: string) => string): string[] {
  using database = new DatabaseSync(file, { timeout: 5000 })
  const rows = database
    .prepare(`SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`)
    .all()
  const names = rows.map(({ name }) => String(name))
  database.exec('BEGIN IMMEDIATE')
  for (const name of names) database.exec(`ALTER TABLE "${name}" RENAME TO "${to(name)}"`)
  database.exec('COMMIT')
  return names
}
