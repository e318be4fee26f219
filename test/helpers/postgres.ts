import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { serviceUrl } from './service-url.ts'

/** Databases of one test file, on the server of the run. */
export interface PostgresDatabases {
  /** An empty one. @returns its URL. */
  create(): Promise<string>
  /** Empties every table of a store. The schema stays: making another database takes a hundred times as long. */
  clear(url: string): Promise<void>
  drop(url: string): Promise<void>
  /** Runs one statement on a database. */
  query(url: string, text: string): Promise<Record<string, unknown>[]>
  /** Drops all of them. */
  close(): Promise<void>
}

export async function postgresDatabases(server?: string): Promise<PostgresDatabases> {
  const base = server ?? (await serviceUrl('postgres'))
  const admin = new pg.Client({ connectionString: base })
  await admin.connect()
  const made = new Set<string>()

  const drop = async (url: string): Promise<void> => {
    made.delete(url)
    await admin.query(`drop database if exists ${nameOf(url)} with (force)`)
  }
  return {
    async create() {
      const name = `test_${randomBytes(8).toString('hex')}`
      await admin.query(`create database ${name}`)
      const url = new URL(base)
      url.pathname = `/${name}`
      made.add(url.href)
      return url.href
    },
    drop,
    query,
    async clear(url) {
      await query(url, emptyTables)
    },
    async close() {
      for (const url of [...made]) await drop(url)
      await admin.end()
    },
  }
}

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url, types: { getTypeParser } })
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

/** Numbers as a store on SQLite has them too. */
const getTypeParser = ((oid: number, format: 'text') =>
  oid === 20 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser

const emptyTables = `
  do $$ begin
    execute (
      select 'truncate ' || string_agg(oid::regclass::text, ', ') || ' cascade' from pg_class
      where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition
        and relname not like 'kysely%');
  end $$`

const nameOf = (url: string): string => new URL(url).pathname.slice(1)
