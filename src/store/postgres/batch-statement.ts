import { hash } from 'node:crypto'

/** A statement that takes its rows as one array for each parameter of the statement that it was made from. */
export interface BatchStatement {
  readonly text: string
  /** Under which a connection keeps it parsed. */
  readonly name: string
  /** How many arrays. */
  readonly width: number
  /** Where the row's time is among the parameters, for the table that is divided by it. */
  readonly timeAt: number | undefined
}

/**
 * Makes of `insert into … values ($1, $2) …` or `update … set … where …`, as Kysely compiles them, the same for many rows:
 * `unnest` turns arrays into rows, so that the text does not depend on how many there are and is parsed once.
 * @param types of the parameters, as the server names them.
 * @returns undefined for a statement of another form, which has to be run for each row.
 */
export function forManyRows(sql: string, types: readonly string[]): BatchStatement | undefined {
  const arrays = types.map((type, index) => `$${index + 1}::${type}[]`).join(', ')
  const made = (text: string, timeAt?: number): BatchStatement => ({
    text,
    name: `many_${hash('sha256', text).slice(0, 16)}`,
    width: types.length,
    timeAt,
  })

  const insert = /^insert into "(\w+)" \(([^)]*)\) values \(([^)]*)\)([^$]*)$/s.exec(sql)
  if (insert) {
    const [, table, columns = '', values, rest = ''] = insert
    // In their order and each once, or the arrays would go into the wrong columns.
    if (values !== types.map((_, index) => `$${index + 1}`).join(', ')) return undefined
    const timeAt = table === 'request_log' ? columns.split(', ').indexOf('"at"') : undefined
    return made(`insert into "${table}" (${columns}) select * from unnest(${arrays})${rest}`, timeAt)
  }

  const update = /^update "(\w+)" set (.*?) where (.*)$/s.exec(sql)
  if (update) {
    const [, table, set = '', where = ''] = update
    const names = types.map((_, index) => `"p${index + 1}"`).join(', ')
    const ofRow = (text: string): string => text.replace(/\$(\d+)/g, '"batch"."p$1"')
    return made(`update "${table}" set ${ofRow(set)} from unnest(${arrays}) as "batch"(${names}) where ${ofRow(where)}`)
  }
  return undefined
}
