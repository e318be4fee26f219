import { describe, expect, it } from 'vitest'
import { forManyRows } from '../../src/store/postgres/batch-statement.ts'

describe('a statement for one row, made to take many', () => {
  it('inserts from one array for each column, and keeps what is done on a conflict', () => {
    const made = forManyRows('insert into "t" ("a", "b") values ($1, $2) on conflict ("a") do nothing', [
      'text',
      'bigint',
    ])
    expect(made?.text).toBe(
      'insert into "t" ("a", "b") select * from unnest($1::text[], $2::bigint[]) on conflict ("a") do nothing',
    )
    expect(made?.width).toBe(2)
    expect(made?.timeAt).toBeUndefined()
  })

  it('updates from the rows, a parameter twice included', () => {
    const made = forManyRows('update "t" set "a" = $1 where "id" = $2 and "a" < $3', ['bigint', 'text', 'bigint'])
    expect(made?.text).toBe(
      'update "t" set "a" = "batch"."p1" from unnest($1::bigint[], $2::text[], $3::bigint[]) as "batch"("p1", "p2", "p3") where "id" = "batch"."p2" and "a" < "batch"."p3"',
    )
  })

  it('knows where the time of a row of the request log is', () => {
    expect(forManyRows('insert into "request_log" ("id", "at") values ($1, $2)', ['text', 'bigint'])?.timeAt).toBe(1)
  })

  it.each([
    ['parameters out of order', 'insert into "t" ("a", "b") values ($2, $1)'],
    ['a constant among them', 'insert into "t" ("a", "b", "c") values ($1, 7, $2)'],
    [
      'a parameter in what is done on a conflict',
      'insert into "t" ("a") values ($1) on conflict ("a") do update set "a" = $2',
    ],
    ['another kind', 'delete from "t" where "a" = $1 and "b" = $2'],
  ])('leaves one with %s to be run for each row', (_, sql) => {
    expect(forManyRows(sql, ['text', 'text'])).toBeUndefined()
  })

  it('gives each text a name of its own, the same each time', () => {
    const name = (table: string) => forManyRows(`insert into "${table}" ("a") values ($1)`, ['text'])?.name
    expect(name('t')).toBe(name('t'))
    expect(name('t')).not.toBe(name('u'))
  })
})
