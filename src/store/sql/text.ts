import { type Expression, sql } from 'kysely'

/** Whether a text holds another, whatever the case of its letters (of ASCII's, where the database knows no others). */
export const contains = (text: Expression<string>, part: string) =>
  sql<boolean>`lower(${text}) like lower(${`%${escapeLike(part)}%`}) escape '\\'`

const escapeLike = (text: string): string => text.replace(/[\\%_]/g, (letter) => `\\${letter}`)
