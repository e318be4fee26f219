import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CsvBroken, csvLine, plainText, readCsv } from '../../src/jobs/csv.ts'

const read = (text: string) => [...readCsv(text)]

describe('CSV', () => {
  it('reads back what it writes, whatever is in the cells', () => {
    const cell = fc.oneof(fc.string(), fc.constantFrom('"', ',', '\r\n', "'=", '=1+1', '\t', 'ü\n"x"'))
    fc.assert(
      fc.property(fc.array(fc.array(cell, { minLength: 2, maxLength: 5 }), { maxLength: 5 }), (rows) => {
        const text = rows.map(csvLine).join('')
        const back = read(text).map(({ cells }) => cells.map(plainText))
        // A quote in front of a formula's first letter can't be told from one of ours.
        expect(back).toEqual(rows.map((row) => row.map((value) => plainText(value))))
      }),
      { numRuns: 500 },
    )
  })

  it('counts lines, also those inside of quotes, and leaves empty ones out', () => {
    const text = '\ufeffname,scopes\r\n"two\nlines",a\n\n"last ""one""",b'
    expect(read(text)).toEqual([
      { line: 1, cells: ['name', 'scopes'] },
      { line: 2, cells: ['two\nlines', 'a'] },
      { line: 5, cells: ['last "one"', 'b'] },
    ])
  })

  it.each([
    ['a quote that is never closed', 'a,b\n"c,d\n', 2],
    ['text behind a closing quote', 'a,b\n"c"d,e\n', 2],
  ])('says on which line there is %s', (_, text, line) => {
    expect(() => read(text)).toThrow(CsvBroken)
    expect(() => read(text)).toThrow(`line ${line} `)
  })

  it('writes no cell that a spreadsheet would run', () => {
    for (const cell of ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1']) expect(csvLine([cell])).toMatch(/^"?'/)
    expect(csvLine([-1, true, null, ['a', 'b'], { a: 1 }, []])).toBe('-1,true,,a b,"{""a"":1}",\r\n')
  })
})
