-- People who are signed in to the console. The same shape as migrations/sqlite/V2__sessions.sql.
-- Beginning and ending one is told by the changes of its operator; being seen takes no revision. No foreign key.
CREATE TABLE sessions (
    digest bytea PRIMARY KEY, -- SHA-256 of the session's token, 32 bytes
    operator_id text COLLATE "C" NOT NULL,
    operator_revision bigint NOT NULL, -- the operator's row_revision when it signed in: any later change ends the session
    created_at bigint NOT NULL,
    seen_at bigint NOT NULL -- its last request, within about a minute
);
CREATE INDEX sessions_created ON sessions (created_at);

UPDATE meta SET value = '2' WHERE key = 'schema_version';
