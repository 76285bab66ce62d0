import { expect, it } from 'vitest'
import { readMigrations } from '../../../src/data/migrations/files.ts'
import { splitStatements } from '../../../src/data/migrations/split-statements.ts'

it.each<[string, string[]]>([
  ['', []],
  [' ;; ;\n', []],
  ['-- nothing; at all\n/* nor; here */', []],
  ['SELECT 1', ['SELECT 1']],
  ['SELECT 1;', ['SELECT 1']],
  ['SELECT 1; SELECT 2;\n', ['SELECT 1', 'SELECT 2']],
  ["SELECT ';'; SELECT 'it''s;';", ["SELECT ';'", "SELECT 'it''s;'"]],
  ["SELECT 'C:\\'; SELECT 2", ["SELECT 'C:\\'", 'SELECT 2']],
  ["SELECT E'\\';'; SELECT e'a''b\\\\'; SELECT 2", ["SELECT E'\\';'", "SELECT e'a''b\\\\'", 'SELECT 2']],
  ["SELECT type'a;'; SELECT 2", ["SELECT type'a;'", 'SELECT 2']],
  ['SELECT 1 AS "a;""b;"; SELECT 2', ['SELECT 1 AS "a;""b;"', 'SELECT 2']],
  ['SELECT 1 -- one; two\n; SELECT 2', ['SELECT 1 -- one; two', 'SELECT 2']],
  ["SELECT 1 -- it's\n; SELECT 2", ["SELECT 1 -- it's", 'SELECT 2']],
  ['SELECT 1 /* ; /* ; */ ; */ + 1; SELECT 2', ['SELECT 1 /* ; /* ; */ ; */ + 1', 'SELECT 2']],
  ['SELECT $$a;b$$; SELECT 2', ['SELECT $$a;b$$', 'SELECT 2']],
  ['SELECT $a$;$$;$b$;$a$; SELECT 2', ['SELECT $a$;$$;$b$;$a$', 'SELECT 2']],
  ['SELECT $ä1$;$ä1$; SELECT 2', ['SELECT $ä1$;$ä1$', 'SELECT 2']],
  ['SELECT a$b$ FROM t; SELECT c$b$ FROM t', ['SELECT a$b$ FROM t', 'SELECT c$b$ FROM t']],
  ['PREPARE p AS SELECT $1;EXECUTE p($1)', ['PREPARE p AS SELECT $1', 'EXECUTE p($1)']],
  [
    'CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2); SELECT 3',
    ['CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)', 'SELECT 3'],
  ],
  ['SELECT 5 - -1; SELECT 4 / 2 * 1', ['SELECT 5 - -1', 'SELECT 4 / 2 * 1']],
])('splits %j', (script, statements) => {
  expect(splitStatements(script)).toEqual(statements)
})

it('names the line of a quote or comment without an end', () => {
  expect(() => splitStatements("SELECT 1;\nSELECT 'a;")).toThrow('the quote that begins in line 2 has no end')
  expect(() => splitStatements('\n\nSELECT "a')).toThrow('line 3')
  expect(() => splitStatements('/* /* */')).toThrow('the comment that begins in line 1 has no end')
  expect(() => splitStatements('SELECT 1;\nDO $a$ SELECT 1; $b$')).toThrow('line 2')
})

it('no migration ends the transaction that it runs in', async () => {
  for (const { name, script, isTransactional } of await readMigrations()) {
    const ends = splitStatements(script).filter((statement) =>
      /^(BEGIN|START|COMMIT|END|ROLLBACK|ABORT)\b/i.test(statement.replaceAll(/^(\s*--[^\n]*\n)*\s*/g, '')),
    )
    expect([name, isTransactional ? ends : []]).toEqual([name, []])
  }
})
