-- Keys that end, in the order of the list. The same shape as migrations/sqlite/V3__ends.sql.
CREATE INDEX keys_ends ON keys (id, expires_at) WHERE deleted_revision IS NULL AND expires_at IS NOT NULL;

UPDATE meta SET value = '3' WHERE key = 'schema_version';
