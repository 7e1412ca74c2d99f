-- What a database says of itself beside its schema, and what it has lost. The same shape as migrations/postgres/V6__whole.sql.
-- Changes that servers had applied and that this database does not have any more, after a restore from a backup or a
-- failover to a standby that had not received them. No foreign key, no revision.
CREATE TABLE lost_changes (
    revision bigint NOT NULL, -- the revision that made it, in the history that was lost
    nonce bigint NOT NULL, -- that of the revision
    subject_kind text NOT NULL,
    subject_id text NOT NULL,
    action text NOT NULL,
    detail text NOT NULL, -- JSON: what else must be known to do it again
    reported_by text NOT NULL, -- the first server that missed it
    noticed_at bigint NOT NULL,
    PRIMARY KEY (revision, nonce, subject_kind, subject_id)
) WITHOUT ROWID;

-- Names this database, so that an empty one that took its place is told from it. A dump brings it along.
INSERT INTO meta (key, value) VALUES ('deployment', lower(hex(randomblob(16))));

UPDATE meta SET value = '6' WHERE key = 'schema_version';
