-- What makes replicas agree about time. The same shape as migrations/sqlite/V5__clocks.sql.
ALTER TABLE replicas ADD COLUMN max_staleness bigint; -- its setting, in microseconds; null: an earlier version, which does not report it

-- How far time has come; exactly one row.
CREATE TABLE clock (
    one integer PRIMARY KEY CHECK (one = 1),
    revision bigint NOT NULL, -- the latest revision when `reached` was written
    reached bigint NOT NULL, -- the latest time by this database's clock, written at most once a second
    marks text COLLATE "C" NOT NULL -- JSON: [[revision, reached], …], times that the clock went back from
);
INSERT INTO clock (one, revision, reached, marks) VALUES (1, 0, 0, '[]');

UPDATE meta SET value = '5' WHERE key = 'schema_version';
