//! All contents of storage, cell by cell.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use helpers::test_server::{Engine, TestServer};

/// One value of one row.
#[derive(Debug)]
pub struct Cell {
    /// Its table.
    pub table: String,
    /// Its column.
    pub column: String,
    /// The value: blobs unchanged, everything else as text.
    pub bytes: Vec<u8>,
}

/// Returns every cell of every table.
#[must_use]
pub fn cells(server: &TestServer) -> Vec<Cell> {
    let cells = match server.engine {
        Engine::Sqlite => of_sqlite(server),
        Engine::Postgres => of_postgres(&server.database.as_ref().expect("it has a database").dump()),
    };
    for table in ["keys", "secrets", "operators", "changes", "stores", "revision", "requests"] {
        assert!(cells.iter().any(|cell| cell.table == table), "the dump has the table {table}");
    }
    cells
}

fn of_sqlite(server: &TestServer) -> Vec<Cell> {
    let path = server.process.data().join("latchkey.db");
    let database = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("the file opens");
    let mut listed = database
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
        .expect("every SQLite file lists its tables");
    let tables = listed.query_map([], |row| row.get::<_, String>(0)).expect("tables are listed");
    let mut cells = Vec::new();
    for table in tables {
        let table = table.expect("a table has a name");
        let mut statement = database.prepare(&format!("SELECT * FROM \"{table}\"")).expect("a table is read");
        let columns: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
        let mut rows = statement.query([]).expect("a table is read");
        while let Some(row) = rows.next().expect("a table is read to its end") {
            for (at, column) in columns.iter().enumerate() {
                let bytes = match row.get_ref(at).expect("a row has its columns") {
                    ValueRef::Null => continue,
                    ValueRef::Integer(number) => number.to_string().into_bytes(),
                    ValueRef::Real(number) => number.to_string().into_bytes(),
                    ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.to_vec(),
                };
                cells.push(Cell { table: table.clone(), column: column.clone(), bytes });
            }
        }
    }
    cells
}

/// Parses a dump by pg_dump: `COPY schema.table (columns) FROM stdin;`, one row per line, tabs between, `\.` last.
fn of_postgres(dump: &str) -> Vec<Cell> {
    let mut cells = Vec::new();
    let mut lines = dump.lines();
    while let Some(line) = lines.next() {
        let Some((name, rest)) = line.strip_prefix("COPY ").and_then(|rest| rest.split_once(" (")) else { continue };
        let columns = rest.split_once(") FROM stdin").expect("a dump of rows begins so").0;
        let columns: Vec<&str> = columns.split(", ").map(|column| column.trim_matches('"')).collect();
        let table = name.split_once('.').map_or(name, |(_, table)| table).trim_matches('"');
        for row in lines.by_ref().take_while(|row| *row != "\\.") {
            let values: Vec<&str> = row.split('\t').collect();
            assert_eq!(values.len(), columns.len(), "a row of {table} has its columns");
            for (column, value) in columns.iter().zip(values).filter(|(_, value)| *value != "\\N") {
                cells.push(Cell { table: table.to_owned(), column: (*column).to_owned(), bytes: bytes(value) });
            }
        }
    }
    cells
}

/// Parses a value of a dump: binary ones are written `\\x` and hexadecimal digits.
fn bytes(value: &str) -> Vec<u8> {
    let Some(digits) = value.strip_prefix("\\\\x") else { return value.as_bytes().to_vec() };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| Some(digit(pair[0])? * 16 + digit(*pair.get(1)?)?);
    digits.as_bytes().chunks(2).map(pair).collect::<Option<_>>().unwrap_or_else(|| value.as_bytes().to_vec())
}

#[test]
fn a_dump_is_read_cell_by_cell() {
    let dump = "--\nCOPY public.secrets (id, digest, \"end\") FROM stdin;\nsec_1\t\\\\x00ff\t\\N\nsec_2\t\\\\x10\tnow\n\\.\n\
                COPY public.empty (id) FROM stdin;\n\\.\nSELECT 1;\n";
    let cells = of_postgres(dump);
    let actual: Vec<_> =
        cells.iter().map(|cell| (cell.table.as_str(), cell.column.as_str(), cell.bytes.as_slice())).collect();
    let expected: [(&str, &str, &[u8]); 5] = [
        ("secrets", "id", b"sec_1"),
        ("secrets", "digest", &[0, 255]),
        ("secrets", "id", b"sec_2"),
        ("secrets", "digest", &[16]),
        ("secrets", "end", b"now"),
    ];
    assert_eq!(actual, expected);
}
