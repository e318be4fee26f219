import {
  type DataTypeNode,
  type KyselyPlugin,
  OperationNodeTransformer,
  type PluginTransformQueryArgs,
  type PluginTransformResultArgs,
  type QueryResult,
  RawNode,
  type RootOperationNode,
  sql,
  type UnknownRow,
} from 'kysely'
import type { ColumnTypes } from '../migrations/column-types.ts'

/** The schema on PostgreSQL. */
export const postgresTypes: ColumnTypes = {
  integer: 'bigint',
  real: 'double precision',
  bytes: 'bytea',
  tableOptions: '',
  requestLog: { primaryKey: ['id', 'at'], options: 'partition by range ("at")' },
  async beyondTables(db) {
    await sql`
      create function sallyport_changed() returns trigger language plpgsql as $$
      begin
        perform pg_notify('${sql.raw(channel)}', '');
        return null;
      end $$`.execute(db)
    await sql`
      create trigger changes_told after insert on changes
      for each statement execute function sallyport_changed()`.execute(db)
  },
  ownPlace: 'Make a database of its own for Sallyport and name it under "store"',
}

/** Where commits to the change log are told. Of this database alone, so the name need not be a secret. */
export const channel = 'sallyport_changes'

/**
 * Gives every text column the order of its bytes: ids are compared by it, here as in the program, whatever language the
 * database was made for.
 */
export const bytewiseText: KyselyPlugin = {
  transformQuery: ({ node }: PluginTransformQueryArgs): RootOperationNode => transformer.transformNode(node),
  transformResult: async ({ result }: PluginTransformResultArgs): Promise<QueryResult<UnknownRow>> => result,
}

class BytewiseText extends OperationNodeTransformer {
  protected override transformDataType(node: DataTypeNode): DataTypeNode {
    // The transformer's type does not foresee it, but a column may have any text as its type.
    return node.dataType === 'text' ? (RawNode.createWithSql('text collate "C"') as unknown as DataTypeNode) : node
  }
}

const transformer = new BytewiseText()
